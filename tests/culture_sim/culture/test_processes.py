"""Several processes make the round that one makes, also when they are killed on the way."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import save_file

from tests.helpers.forked import at_work
from tests.helpers.processes import PATIENCE_S, wait_until
from world.core.files import read_json

WORKER = "tests.helpers.round_worker"


@pytest.fixture(scope="module")
def start(agents, setting, test_hashes, tmp_path_factory):
    """A context manager: worker processes at work on the round in a folder."""
    files = tmp_path_factory.mktemp("workers")
    plain = {**setting, "test_hashes": test_hashes.tolist()}
    (files / "setting.json").write_text(json.dumps(plain))
    weights = {f"{i}/{k}": v for i, m in enumerate(agents) for k, v in m.state_dict().items()}
    save_file(weights, files / "weights.safetensors")

    @contextmanager
    def workers(folder: Path, processes: int = 2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        size = str(processes)
        place = {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1",
                 "MASTER_PORT": port}  # fmt: skip
        given = (files / "setting.json", files / "weights.safetensors", folder)
        with ExitStack() as stack:
            yield [
                stack.enter_context(
                    at_work(WORKER, given, files, {**place, "RANK": rank, "LOCAL_RANK": rank})
                )
                for rank in map(str, range(processes))
            ]

    return workers


@pytest.mark.slow
def test_two_processes_killed_and_run_again_make_the_round_of_one(start, round_one, tmp_path):
    store, summary = round_one
    folder = tmp_path / "culture"
    with start(folder) as workers:
        wait_until((folder / "round-0001.parts" / "00000.parquet").exists, workers[0])
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
    assert not (folder / "round-0001.parquet").exists()
    with start(folder) as workers:
        assert [worker.wait(PATIENCE_S) for worker in workers] == [0, 0]
    assert_same(folder, store, summary)


@pytest.mark.slow
def test_three_processes_make_the_round_of_one(start, round_one, tmp_path):
    folder = tmp_path / "culture"
    with start(folder, processes=3) as workers:
        assert [worker.wait(PATIENCE_S) for worker in workers] == [0, 0, 0]
    assert_same(folder, *round_one)


def assert_same(folder, store, summary):
    """The round in the folder is the one that a single process made, byte for byte."""
    found = read_json(folder / "round-0001.json", "")
    assert {**found, "seconds": 0} == {**summary, "seconds": 0}
    table = pq.read_table(folder / "round-0001.parquet")
    assert table.equals(store.table(1))
    assert (folder / "round-0001.parquet").read_bytes() == store.path(1).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == [
        "round-0001.json",
        "round-0001.parquet",
    ]
