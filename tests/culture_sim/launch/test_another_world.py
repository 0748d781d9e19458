"""Other worlds than grids go through every stage, as a person starts them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import culture_sim
from culture_sim.culture.records import quizzes_of
from world.birds import Verdict


def everything(tmp_path, world):
    """A run of a world's smoke preset, made in a process, and its page."""
    command = [sys.executable, "-m", "culture_sim", "culture", "--preset", f"smoke-{world}"]
    ended = subprocess.run(
        [*command, "--runs", tmp_path, "--run", world],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    run = culture_sim.open_run(tmp_path / world)
    assert run.world.name == world
    votes = run.store.votes(1)
    assert votes.directions == len(run.world.directions)
    assert len(run.votes) == len(votes) > 0
    assert set(run.matches().agent_a) == set(range(run.config.agents))
    assert len(run.saes()) == run.config.agents
    return run, (run.path / "report" / "index.html").read_text()


@pytest.mark.slow
def test_strings_from_training_to_the_report(tmp_path):
    run, page = everything(tmp_path, "strings")
    assert run.world.directions == (0,)
    assert '"unit":"letter"' in page
    assert "f(z)" in page


@pytest.mark.slow
def test_birds_from_training_to_the_report(tmp_path):
    run, page = everything(tmp_path, "birds")
    assert run.world.directions == (0, 1)
    assert "voters beside its proposer" in page
    assert "birds that bounce" in page
    # Untrained agents propose no birds, and nobody is told that they do.
    assert set(run.world.verdicts(quizzes_of(run.store.table(1))[:50])) <= {
        Verdict.NO_BIRDS,
        Verdict.WRONG,
    }
