"""Processes that train one agent together do what one process does."""

import json
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator, PartialState
from safetensors.torch import load_file

from agents.replicas import ReplicaGroup, make_replicas
from tests.helpers.forked import at_work
from tests.helpers.replica_worker import write

ROOT = Path(__file__).resolve().parents[2]


def run_replicas(folder, processes):
    """The worker in as many processes, to their end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "ACCELERATE_USE_CPU": "true",
    }
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                at_work(
                    "tests.helpers.replica_worker",
                    [folder],
                    ROOT,
                    {**place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                )
            )
            for rank in range(processes)
        ]
        assert [process.wait(120) for process in started] == [0] * processes


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_a_replicas_has_the_gradients_and_the_accuracy_of_one_process(tmp_path, processes):
    write(tmp_path / "one", Accelerator(cpu=True), ReplicaGroup())
    run_replicas(tmp_path / "replicas", processes)
    one = load_file(tmp_path / "one" / "0.safetensors")
    members = [load_file(tmp_path / "replicas" / f"{r}.safetensors") for r in range(processes)]
    for name, gradient in one.items():
        torch.testing.assert_close(members[0][name], gradient, rtol=1e-4, atol=1e-7)
        assert all(member[name].equal(members[0][name]) for member in members)
    expected = json.loads((tmp_path / "one" / "0.json").read_text())
    for rank in range(processes):
        assert json.loads((tmp_path / "replicas" / f"{rank}.json").read_text()) == expected


def test_a_process_is_a_replicas_of_its_own_while_agents_suffice():
    replicas = make_replicas(PartialState(cpu=True), agents=1)
    assert replicas == ReplicaGroup()
    assert replicas.leads
    assert replicas.agree("mine") == "mine"
    assert replicas.gather(3) == [3]
