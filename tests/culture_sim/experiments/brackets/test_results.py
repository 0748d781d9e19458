"""Table, verdicts and page, of units in which agents follow known rules."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from culture_sim.experiments.brackets import Brackets
from culture_sim.experiments.brackets.results import Found, against_random, find
from culture_sim.experiments.brackets.rows import SETTINGS
from culture_sim.experiments.findings import COLUMNS, Findings
from culture_sim.experiments.page import write_page
from culture_sim.experiments.units import Place
from tests.culture_sim.experiments.brackets.made_up import make_up

OPTIONS = Brackets(
    seeds=10, shares=(0.0, 0.1), layers=(1, 2), weight_decays=(0.0, 0.01), deeper=0, length=16,
    width=16, exam=60, inside=6, probed=1, scratch_seeds=1, scratch_length=10, nesters=(1, 4),
    culture_seeds=2, rounds=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    place = Place(tmp_path_factory.mktemp("units"))
    make_up(OPTIONS, place)
    return find(OPTIONS, place)


def test_agents_are_found_to_follow_their_rules(findings: Findings) -> None:
    rules = findings.summary["rules"]
    assert rules["q0.1-layers1-wd0-length16"]["nested"] == 10
    assert rules["q0-layers1-wd0.01-length16"]["count"] == 10
    assert rules["q0-layers2-wd0-length16"] == {
        "nested": 5,
        "count": 5,
        "first symbol": 0,
        "mixed": 0,
        "not learned": 0,
    }


def test_verdicts_follow_from_what_was_made_up(findings: Findings) -> None:
    answers = {verdict.claim.partition(" (")[0]: verdict.answer for verdict in findings.verdicts}
    expected = {
        "Networks of one setting": "confirmed",  # half nest, half count
        "With one layer": "confirmed",
        "With two layers": "open",  # the same with and without decay
        "A share of 0.1": "confirmed",
        "Training on unbalanced": "refuted",
        "A scratchpad": "open",  # one classifier is too few
        "Some heads": "open",  # no ablation raises accuracy
        "What an agent does": "confirmed",
        "What a population keeps": "confirmed",
        "Culture repairs": "confirmed",
        "Culture locks": "confirmed",
        "Agents that nest have features": "confirmed",
    }
    for claim, answer in expected.items():
        found = [given for said, given in answers.items() if said.startswith(claim)]
        assert found == [answer], claim


def test_populations_of_a_seed_are_one_observation() -> None:
    """Those of 3 and of 4 nesters share agents."""
    gains = {(0, 4): 0.2, (0, 3): 0.4, (1, 4): 0.1, (1, 3): 0.1, (0, 1): -0.5, (1, 5): 0.9}
    courses = []
    for (seed, nesters), gain in gains.items():
        for arm, ends in (("full", 0.5 + gain), ("random_filter", 0.5), ("none", 0.4)):
            unit = SimpleNamespace(seed=seed, nesters=nesters, arm=arm)
            courses.append((unit, [{"undecided": [0.3] * 5}, {"undecided": [ends] * 5}]))
    found = cast(Found, SimpleNamespace(courses=courses))
    assert against_random(found, nested=True) == pytest.approx([0.3, 0.1])
    assert against_random(found, nested=False) == pytest.approx([-0.5])


def test_what_is_seen_of_other_strings_tells_more_than_settings(findings: Findings) -> None:
    """The head that sees dips speaks on strings with other counts, too."""
    foretold = findings.summary["foretold"]
    assert foretold["inside"]["error"] < 0.05 < foretold["settings"]["error"]
    assert foretold["inside"]["area"] == 1.0


def test_the_table_has_what_was_measured(findings: Findings) -> None:
    table = findings.table
    assert list(table.columns) == [*SETTINGS, *COLUMNS]
    nested = table.query("rule == 'nested' and measure == 'accuracy equal' and by == ''")
    assert (nested["value"] == 1).all()
    counting = table.query("rule == 'count' and measure == 'accuracy equal' and by == 'depth'")
    assert (counting["value"] == 0).all()
    assert (counting["high"] > 0).all()
    assert counting["support"].min() > 0
    measures = {
        *("accuracy in distribution", "accuracy spread", "accuracy balanced", "agreement", "logit"),
        *("direct contribution", "accuracy changed by ablation", "attention from the end"),
        *("probe auroc", "verdicts turned", "verdicts kept", "kept quizzes", "kept right verdicts"),
        *("features matched value", "F1 of has dipped", "answers with an error"),
    }
    assert measures <= set(table["measure"])
    ablated = table.query("measure == 'accuracy changed by ablation' and group == '0.1, dip'")
    assert set(ablated.query("rule == 'nested'")["value"]) == {-1.0}


@pytest.mark.slow
def test_the_page_shows_every_section_and_figure(findings: Findings, tmp_path: Path) -> None:
    environment = {"processor": "", "cores": 1, "python": ""}
    made: dict[str, Any] = {"options": {}, "environment": environment}
    page = write_page(tmp_path, "brackets", OPTIONS, findings, made).read_text()
    for title in (
        "Which rule?",
        "Beside what was published",
        "Inside",
        "Can the rule be foretold?",
        "What can be read off, and is it used?",
        "Scratchpads",
        "Culture as a treatment",
        "Features",
    ):
        assert f"<h2>{title}</h2>" in page
    drawn = {plot.name for section in findings.sections for plot in section.plots}
    assert drawn >= {"settings", "accuracy", "logit", "learning", "foretold", "culture"}
    written = {path.stem for path in (tmp_path / "report").glob("*.svg")}
    assert written == drawn
    assert page.count('class="quiz"') == 6
