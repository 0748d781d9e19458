"""Datasets that several files of tests look at, and no network."""

import socket

import datasets
import pytest

from tests.helpers.exporting import SMALL, export, of_run


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    real = socket.socket.connect

    def refuse(*_):
        raise OSError("there is no network")

    def connect(self, address):
        # Processes of this machine talk by files.
        return real(self, address) if self.family == socket.AF_UNIX else refuse()

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A small world as a dataset; not to be changed."""
    out = tmp_path_factory.mktemp("written") / "quizzes"
    assert export(out, *SMALL) == 0
    return out


@pytest.fixture(scope="session")
def cultured(stored, tmp_path_factory):
    """The dataset of a run with one round of culture; not to be changed."""
    out = tmp_path_factory.mktemp("cultured") / "quizzes"
    assert export(out, *of_run(stored), "--quizzes", "2000", "--text") == 0
    return out


@pytest.fixture
def load(tmp_path):
    """Loads a configuration as a user would, with a cache of its own."""
    return lambda folder, name=None, **options: datasets.load_dataset(
        str(folder), name, cache_dir=str(tmp_path / "cache"), **options
    )
