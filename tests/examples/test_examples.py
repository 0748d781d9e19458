"""Every example runs from its first cell to its last, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.forked import run_script

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example, runs, tmp_path):
    ended = run_script(example, [runs / "smoke"], tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout
    assert not list(tmp_path.iterdir())  # it writes nothing


def test_examples_are_cells_with_words():
    assert len(EXAMPLES) >= 2
    for example in EXAMPLES:
        text = example.read_text()
        assert text.startswith("# %% [markdown]\n# # ")
        assert text.count("# %%\n") >= 3
