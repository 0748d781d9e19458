"""A machine whose accelerator processes cannot meet over, such as a Mac: the processor learns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from culture_sim.culture.store import CultureStore
from culture_sim.run.run import Run

ROOT = Path(__file__).parents[3]
SITE = """
import torch
torch.accelerator.is_available = lambda: True
torch.accelerator.current_accelerator = lambda check_available=False: torch.device("mps")
torch.backends.mps.is_available = torch.backends.mps.is_built = lambda: True
"""
"""PyTorch as it is on a Mac, with an accelerator of which nothing can be used here."""


@pytest.mark.slow
def test_a_round_of_two_processes_is_made_on_the_processor(runs, tmp_path):
    shutil.copytree(runs / "smoke", tmp_path / "runs" / "smoke")
    (tmp_path / "sitecustomize.py").write_text(SITE)
    command = [sys.executable, "-m", "culture_sim", "culture-round", "--runs", tmp_path / "runs"]
    ended = subprocess.run(
        [*command, "--run", "smoke", "--rounds", "2", "--processes", "2"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert "this machine's mps is not used: agents learn on the processor" in ended.stdout
    run = Run.open(tmp_path / "runs" / "smoke")
    assert CultureStore(run.path / "culture").rounds() == [1, 2]
    assert all(run.agent_state(agent).round == 2 for agent in run.agents)
