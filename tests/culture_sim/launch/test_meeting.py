"""Processes of a launcher that wait for each other say so, give up, and can be interrupted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial

import pytest

from tests.helpers.launched import launch
from tests.helpers.processes import PATIENCE_S

COMMAND = """
import sys
from culture_sim.launch import meeting
meeting.WAITING_S, meeting.SAYING_S = {waiting}, 0.1
from culture_sim.cli import main
from culture_sim.launch.exit import exit_now
exit_now(main(["train-agents", "--runs", sys.argv[1], "--run", "met"]))
"""
"""The command line, less patient."""
MEMBER = """
import sys, time
from culture_sim.launch import interruption, meeting, place, processes
interruption.GRACE_S = 0.5
mine = place.take_place(__import__("os").environ)
interruption.end_when_told()
meeting.meet(mine)
print("met", flush=True)
time.sleep(600) if mine.rank == 0 else processes.told()
"""
"""The first process is busy, the other waits for it inside a library."""


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(takes_long, tmp_path, port):
    """Starts one of two processes; what is left of them is killed."""
    started = []

    def process(code, rank, afresh=False, **more):
        meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        variables = {**meeting, "RANK": str(rank), **more}
        if afresh:
            begun = python(code, tmp_path, variables)
        else:
            begun = launch([tmp_path], variables=variables, main=partial(exec, code, {}))
        started.append(begun)
        return begun

    yield process
    for process_ in started:
        process_.kill()
        process_.communicate()


def python(code, argument, variables):
    """A Python of its own, as launchers start them."""
    return subprocess.Popen(
        [sys.executable, "-c", code, argument],
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("rank", "other"), [(0, 1), (1, 0)])
def test_a_process_says_whom_it_waits_for_and_gives_up(start, tmp_path, port, rank, other):
    process = start(COMMAND.format(waiting=1.0), rank, afresh=rank == 1)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    *waiting, last = stderr.splitlines()
    assert process.returncode == 2
    assert waiting
    place = f"of 2 processes at 127.0.0.1:{port}"
    assert all(f"rank {rank} waits for rank {other}" in line and place in line for line in waiting)
    assert last.startswith(f"culture-sim: error: waited 1 s for rank {other}")
    assert "run alone: env -u RANK -u WORLD_SIZE" in last
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rank", "number"), [(0, signal.SIGTERM), (0, signal.SIGINT), (1, signal.SIGTERM)]
)
def test_a_signal_ends_the_waiting(start, rank, number):
    process = start(COMMAND.format(waiting=600), rank)
    assert "waits for" in process.stderr.readline()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert stderr.splitlines()[-1].startswith("culture-sim: error: interrupted")
    assert "Traceback" not in stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_process_that_waits_inside_a_library(start, number):
    first, other = start(MEMBER, 0), start(MEMBER, 1)
    assert [p.stdout.readline() for p in (first, other)] == ["met\n", "met\n"]
    time.sleep(1)  # until it waits
    other.send_signal(number)
    _, stderr = other.communicate(timeout=PATIENCE_S)
    assert other.returncode == 130
    assert stderr.splitlines()[-1].startswith("culture-sim: error: interrupted")
    assert first.poll() is None


@pytest.mark.parametrize(
    ("rank", "said"), [(0, "choose another MASTER_PORT"), (1, "another process has RANK=1")]
)
def test_two_of_the_same_rank_are_refused(start, rank, said):
    for member in range(rank + 1):
        process = start(COMMAND.format(waiting=600), member, WORLD_SIZE="3")
        assert "waits for rank" in process.stderr.readline()
    another = start(COMMAND.format(waiting=600), rank, WORLD_SIZE="3")
    _, stderr = another.communicate(timeout=PATIENCE_S)
    assert another.returncode == 2
    assert said in stderr.splitlines()[-1]
    assert "Traceback" not in stderr


def test_an_address_of_nobody_is_named(start):
    process = start(COMMAND.format(waiting=1.0), 1, MASTER_ADDR="nobody.invalid")
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "nobody.invalid" in stderr.splitlines()[-1]
    assert "Traceback" not in stderr
