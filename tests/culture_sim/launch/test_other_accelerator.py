"""A machine whose accelerator processes cannot meet over, such as a Mac: the processor learns."""

from __future__ import annotations

import shutil
from functools import partial

import pytest

from culture_sim.culture.store import CultureStore
from culture_sim.run.run import Run
from tests.helpers.launched import run

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
    few = ("--culture.batch-size", "8", "--culture.shard-batches", "1")
    fewer = ("--culture.max-proposals", "16", "--culture.transfer-quizzes", "10")
    place = ("--runs", tmp_path / "runs", "--run", "smoke", "--processes", "2")
    words = ("culture-round", *place, "--rounds", "2", *few, *fewer)
    ended = run(words, prepare=partial(exec, SITE, {}))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert "this machine's mps is not used: agents learn on the processor" in ended.stdout
    opened = Run.open(tmp_path / "runs" / "smoke")
    assert CultureStore(opened.path / "culture").rounds() == [1, 2]
    assert all(opened.agent_state(agent).round == 2 for agent in opened.agents)
