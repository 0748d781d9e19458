"""Reports that several files of tests read; each worker makes those that it needs, once."""

import pytest

from culture_sim.report import write_report
from culture_sim.report.explorer import data as explorer
from culture_sim.report.gallery import data as gallery
from tests.helpers.exploring import LATER, made_run
from tests.helpers.made_culture import ROUNDS, SIZE, made_page, make_answers, make_run
from tests.helpers.made_effects import make_family_effects
from tests.helpers.made_features import make_features


@pytest.fixture(scope="session")
def explored(tmp_path_factory):
    """The page of a run with an explorer that is whole in it."""
    return write_report(made_run(tmp_path_factory.mktemp("runs") / "explored"))


@pytest.fixture(scope="session")
def parted(tmp_path_factory):
    """The same with what families do, its details beside it, and a second comparison."""
    run = made_run(tmp_path_factory.mktemp("runs") / "parted")
    make_family_effects(next(run.path.glob("features/*/*")))
    make_features(run, 16, LATER, effects=False, occurrence=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explorer, "INSIDE", 1000)
        patch.setattr(explorer, "PART", 24)
        return write_report(run)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A run with quizzes of culture, whose agents answer in a known way."""
    monkeypatch.setattr(gallery, "answers_now", make_answers)
    return make_run(tmp_path / "made", ROUNDS, SIZE)


@pytest.fixture(scope="session")
def gallery_page(tmp_path_factory):
    """A report with everything in it: kept quizzes of three rounds, all analysed."""
    return made_page(tmp_path_factory.mktemp("runs") / "whole", ROUNDS, SIZE)
