"""Every example runs from its first cell to its last, as a person starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example, runs, tmp_path):
    ended = subprocess.run(
        [sys.executable, example, runs / "smoke"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout
    assert not list(tmp_path.iterdir())  # it writes nothing


def test_examples_are_cells_with_words():
    assert len(EXAMPLES) >= 2
    for example in EXAMPLES:
        text = example.read_text()
        assert text.startswith("# %% [markdown]\n# # ")
        assert text.count("# %%\n") >= 3
