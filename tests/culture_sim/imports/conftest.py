"""Files as they were published, of two small agents, and the run that is made of them."""

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from culture_sim.commands import commands
from culture_sim.imports.run import import_culture_gpt
from culture_sim.run.run import Run
from tests.helpers.commands import culture_sim
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
    "--train.test-quizzes", "16", "--train.validation-quizzes", "8",
    "--train.recombined-quizzes", "0", "--train.epoch-quizzes", "25",
    "--train.max-quizzes", "25", "--train.precision", "fp32",
    "--culture.batch-size", "8", "--culture.shard-batches", "1", "--culture.max-proposals", "8",
    "--culture.noise-rounds", "1", "--culture.rule.most", "1",
    "--sae.widths", "16", "--sae.k", "4", "--sae.training-tokens", "3000",
    "--sae.epochs-per-buffer", "2", "--sae.buffer-quizzes", "16", "--sae.batch-size", "512",
    "--sae.comparison-quizzes", "24", "--sae.concept-quizzes", "12", "--sae.baselines", "neurons",
    "--sae.permutations", "1", "--sae.resamples", "10", "--sae.min-firings", "5",
]  # fmt: skip


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A folder as it is when everything was downloaded into it; not to be changed."""
    folder = tmp_path_factory.mktemp("published")
    rng = random.Random(1)
    for number, accuracy in ((0, 0.97), (1, None)):
        write_agent(folder, number, accuracy=accuracy)
    quizzes = in_tokens([DRAWERS["corners"](rng) for _ in range(12)])
    quizzes[3, 20] = 11
    train, test = [quizzes[:5], quizzes[5:8]], [quizzes[8:10], quizzes[10:]]
    write_culture(folder / "c_quizzes.pth", train, test)
    (folder / "state.pth").write_bytes(b"nothing that is read")
    (folder / "README.md").write_text("and so on")
    frames = in_tokens([DRAWERS["frame"](rng) for _ in range(6)])
    rows = reordered(frames, (3, 2, 1, 0))
    few = ("culture", "frame", "translate")
    write_dataset(folder / "train-00000-of-00001.parquet", rows, ["frame"] * 6, few)
    write_sae(folder / "sae", agent=1)
    return folder


def run_import(runs, name, *words):
    """The command, whose options make everything small."""
    place = ("--runs", str(runs), "--run", name)
    return culture_sim("import", "culture-gpt", *map(str, words), *place, *TINY)


@cache
def few_tasks():
    """The same options, in a world of two of the tasks."""
    options = commands["import"].parse(["culture-gpt", "PATH", *TINY], "", "").options
    world = replace(options.world, tasks=("frame", "translate_over"), held_out_tasks=())
    return replace(options, world=world)


def make_run(path, *paths):
    """What the command does, in that world."""
    return import_culture_gpt(path, paths, few_tasks(), None, lambda text: None)


@pytest.fixture(scope="session")
def imported(takes_long, published, one_thread, tmp_path_factory):
    """The run made of the folder; not to be changed."""

    def make(path):
        make_run(path, published)

    return Run.open(made_once(tmp_path_factory, "imported", make))


@pytest.fixture
def files(published, tmp_path):
    """A copy of the agents that a test may spoil."""
    for number in (0, 1):
        name = f"gpt_{number:03d}.pth"
        (tmp_path / name).write_bytes((published / name).read_bytes())
    return tmp_path


@pytest.fixture(scope="session")
def one_quiz():
    """int64 [1, 404]: a quiz in layout 0."""
    return in_tokens(np.array([DRAWERS["frame"](random.Random(5))]))
