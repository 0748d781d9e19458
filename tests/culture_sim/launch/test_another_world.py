"""Other worlds than grids go through every stage, as a person starts them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import culture_sim

BRACKETS = ("--preset", "smoke", "--world", "brackets", "--world.length", "20")
SCRATCH = (*BRACKETS, "--world.scratch", "count")
WORLDS = {
    "strings": (("--preset", "smoke-strings"), "strings", 1, "letter", "f(z)"),
    "brackets": (BRACKETS, "brackets", 2, "bracket", "verdict"),
    "brackets with a scratchpad": (SCRATCH, "brackets", 1, "bracket", "verdict"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "name", "directions", "unit", "piece"), WORLDS.values(), ids=WORLDS
)
def test_from_training_to_the_report(options, name, directions, unit, piece, tmp_path):
    command = [sys.executable, "-m", "culture_sim", "culture", *options]
    ended = subprocess.run(
        [*command, "--runs", tmp_path, "--run", "small"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    run = culture_sim.open_run(tmp_path / "small")
    assert run.world.name == name
    votes = run.store.votes(1)
    assert votes.directions == directions
    assert len(run.votes) == len(votes) > 0
    assert set(run.matches().agent_a) == set(range(run.config.agents))
    assert len(run.saes()) == run.config.agents
    page = (run.path / "report" / "index.html").read_text()
    assert f'"unit":"{unit}"' in page
    assert piece in page
