"""Files as they were published, of three small agents, and the run that is made of them."""

import random

import numpy as np
import pytest

from culture_sim.run.run import Run
from tests.helpers import commands
from tests.helpers.once import made_once
from tests.helpers.published import (
    in_tokens,
    reordered,
    write_agent,
    write_culture,
    write_dataset,
    write_sae,
)
from tests.helpers.slow_source import DRAWERS

TINY = [
    "--train.test-quizzes", "20", "--train.validation-quizzes", "20",
    "--train.recombined-quizzes", "0", "--train.epoch-quizzes", "25",
    "--train.max-quizzes", "25", "--train.precision", "fp32",
    "--culture.batch-size", "8", "--culture.shard-batches", "3", "--culture.max-proposals", "24",
    "--culture.transfer-quizzes", "10", "--culture.noise-rounds", "1",
    "--sae.widths", "48", "--sae.k", "4", "--sae.training-tokens", "20000",
    "--sae.epochs-per-buffer", "2", "--sae.buffer-quizzes", "16", "--sae.batch-size", "512",
    "--sae.comparison-quizzes", "40", "--sae.concept-quizzes", "20", "--sae.baselines", "neurons",
    "--sae.permutations", "1", "--sae.resamples", "10", "--sae.min-firings", "5",
]  # fmt: skip


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A folder as it is when everything was downloaded into it; not to be changed."""
    folder = tmp_path_factory.mktemp("published")
    rng = random.Random(1)
    for number, accuracy in ((0, 0.97), (1, None), (2, 0.965)):
        write_agent(folder, number, accuracy=accuracy)
    quizzes = in_tokens([DRAWERS["corners"](rng) for _ in range(12)])
    quizzes[3, 20] = 11
    train, test = [quizzes[:5], quizzes[5:8]], [quizzes[8:10], quizzes[10:]]
    write_culture(folder / "c_quizzes.pth", train, test)
    (folder / "state.pth").write_bytes(b"nothing that is read")
    (folder / "README.md").write_text("and so on")
    frames = in_tokens([DRAWERS["frame"](rng) for _ in range(6)])
    rows = reordered(frames, (3, 2, 1, 0))
    write_dataset(folder / "train-00000-of-00001.parquet", rows, ["frame"] * 6)
    write_sae(folder / "sae", agent=1)
    return folder


def run_import(runs, name, *words):
    """The command, whose options make everything small."""
    place = ("--runs", str(runs), "--run", name)
    return commands.culture_sim("import", "culture-gpt", *map(str, words), *place, *TINY)


@pytest.fixture(scope="session")
def imported(takes_long, published, one_thread, tmp_path_factory):
    """The run made of the folder; not to be changed."""

    def make(path):
        ended = run_import(path.parent, path.name, published)
        assert ended.returncode == 0, ended.stderr

    return Run.open(made_once(tmp_path_factory, "imported", make))


@pytest.fixture
def files(published, tmp_path):
    """A copy of the agents that a test may spoil."""
    for number in (0, 1, 2):
        name = f"gpt_{number:03d}.pth"
        (tmp_path / name).write_bytes((published / name).read_bytes())
    return tmp_path


@pytest.fixture(scope="session")
def one_quiz():
    """int64 [1, 404]: a quiz in layout 0."""
    return in_tokens(np.array([DRAWERS["frame"](random.Random(5))]))
