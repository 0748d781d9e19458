"""Another world than grids goes through every stage, as a person starts it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import culture_sim


@pytest.mark.slow
def test_strings_from_training_to_the_report(tmp_path):
    command = [sys.executable, "-m", "culture_sim", "culture", "--preset", "smoke-strings"]
    ended = subprocess.run(
        [*command, "--runs", tmp_path, "--run", "strings"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    run = culture_sim.open_run(tmp_path / "strings")
    assert run.world.name == "strings"
    votes = run.store.votes(1)
    assert votes.directions == 1
    assert len(run.votes) == len(votes) > 0
    assert set(run.matches().agent_a) == set(range(run.config.agents))
    assert len(run.saes()) == run.config.agents
    page = (run.path / "report" / "index.html").read_text()
    assert '"unit":"letter"' in page
    assert "f(z)" in page
