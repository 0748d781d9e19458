"""Runs that several files of tests look at; they are not to be changed."""

from __future__ import annotations

import shutil

import pytest
import torch

from culture_sim.run.run import Run
from tests.helpers.once import made_once
from tests.helpers.stored_round import SMALL, culture_sim, store_round


@pytest.fixture(scope="session")
def one_thread():
    """Sums in another order are other sums: workers and this process use one thread each."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def stored(takes_long, one_thread, tmp_path_factory):
    """A run whose agents have trained on the world alone, and whose first round is stored."""

    def make(path):
        assert culture_sim(path, "train-agents", *SMALL) == 0
        store_round(Run.open(path))

    return made_once(tmp_path_factory, "stored", make)


@pytest.fixture(scope="session")
def trained(stored, tmp_path_factory):
    """The same run after an uninterrupted ``culture-round``."""

    def make(path):
        shutil.copytree(stored, path)
        assert culture_sim(path, "culture-round") == 0

    return made_once(tmp_path_factory, "trained", make)
