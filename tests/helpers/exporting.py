"""The command, what it is given, and what is read of the folder that it writes."""

import signal

import numpy as np

from culture_sim.cli import main
from world import UNKNOWN_TASK, QuizBatch
from world.grids.world import PARTS, GridsWorld

QUIZZES = 3000
WORLD = GridsWorld(height=7, width=7, tasks=("frame", "detect"))
SMALL = [
    "--world.tasks", *WORLD.tasks,
    "--quizzes", str(QUIZZES), "--seed", "7", "--text",
]  # fmt: skip


def command(*words):
    """A command line in this process; returns the exit code."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        return main([*words])
    finally:
        signal.signal(signal.SIGTERM, before)


def export(out, *options):
    """The export of a dataset; returns the exit code."""
    return command("export", "dataset", "--out", str(out), *options)


def of_run(run):
    return ["--runs", str(run.parent), "--run", run.name]


def grids(rows):
    """uint8 [B, 4, H, W] of a dataset with grids."""
    columns = rows.with_format("numpy", dtype=np.uint8)
    return np.stack([columns[part] for part in PARTS], axis=1)


def drawn_from(rows):
    """The quizzes of a dataset with tokens."""
    columns = rows.with_format("numpy")
    return QuizBatch(
        np.asarray(columns["tokens"], dtype=np.uint8),
        np.asarray(columns["layout"], dtype=np.uint8),
        np.full(len(rows), UNKNOWN_TASK, dtype=np.int16),
    )


def tree(folder):
    """Every file by its path in the folder, with its bytes."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def error_line(capsys):
    error = capsys.readouterr().err
    assert error.startswith("culture-sim: error: ")
    assert error.count("\n") == 1
    return error
