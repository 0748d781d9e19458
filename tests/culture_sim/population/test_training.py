"""The population: a tiny world is learned to its target, and a killed run loses nothing.

The kill is a real SIGKILL of the whole process group of a real training command.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file

from culture_sim.run.run import Run
from tests.helpers.commands import culture_sim
from tests.helpers.launched import at_work
from tests.helpers.processes import PATIENCE_S, equal, kill_with_workers, tensors, wait_until

TINY = [
    "--world", "strings",
    "--world.tasks", "append", "shift",
    "--world.length", "4",
    "--agents", "2",
    "--model.d-model", "48",
    "--model.d-mlp", "96",
    "--model.n-layers", "2",
    "--train.precision", "fp32",
    "--train.test-quizzes", "60",
    "--train.validation-quizzes", "50",
    "--train.recombined-quizzes", "4",
]  # fmt: skip
EPOCH, BUDGET = 128, 384
SHORT = [*TINY, "--train.target", "1.0", "--train.epoch-quizzes", str(EPOCH),
         "--train.max-quizzes", str(BUDGET)]  # fmt: skip


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
"""Sums in another order are other sums: the comparison is of one thread a process."""


def arguments(runs, name, processes, options):
    place = ("--runs", str(runs), "--run", name, "--processes", str(processes))
    return ["train-agents", *place, *options]


def command(*given):
    """The same, for a process of its own."""
    return [sys.executable, "-m", "culture_sim", *arguments(*given)]


def train(*given):
    """The command to its end."""
    return culture_sim(*arguments(*given))


@pytest.fixture(scope="module")
def uninterrupted(takes_long, tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    ended = train(runs, "whole", 1, SHORT)
    assert ended.returncode == 1, ended.stderr
    return runs / "whole"


def test_agents_below_target_are_reported_with_a_non_zero_exit(uninterrupted):
    states = [Run.open(uninterrupted).agent_state(agent) for agent in (0, 1)]
    assert all(not state.reached and state.quizzes == BUDGET for state in states)
    assert all(0.0 < state.test.high < 1.0 for state in states)


def test_the_two_agents_differ(uninterrupted):
    one, other = (load_file(uninterrupted / "agents" / a / "model.safetensors") for a in "01")
    assert not any(one[key].equal(other[key]) for key in one if one[key].ndim == 2)


def test_a_training_that_is_killed_twice_goes_on_bit_for_bit(uninterrupted, tmp_path):
    """At its first checkpoint, and some time after another one."""
    state, seen = tmp_path / "cut" / "agents" / "0" / "state.json", ""
    for after in (0.0, 0.2):
        with at_work(arguments(tmp_path, "cut", 1, SHORT)) as process:
            wait_until(lambda seen=seen: state.exists() and state.read_text() != seen, process)
            time.sleep(after)
            kill_with_workers(process, tmp_path / "cut")
        seen = state.read_text()
    ended = train(tmp_path, "cut", 1, SHORT)
    assert ended.returncode == 1, ended.stderr
    assert equal(tensors(tmp_path / "cut"), tensors(uninterrupted))


def test_two_processes_give_the_agents_that_one_gives(uninterrupted, tmp_path):
    ended = train(tmp_path, "two", 2, SHORT)
    assert ended.returncode == 1, ended.stderr
    assert equal(tensors(tmp_path / "two"), tensors(uninterrupted))


@pytest.mark.slow
def test_variables_in_a_shell_change_no_weights(uninterrupted, tmp_path):
    """The first two give other weights, and the third an error, where they are not taken away."""
    leaks = {
        "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "2",
        "MKL_NUM_THREADS": "2",
        "ACCELERATE_TORCH_DEVICE": "meta",
        "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
        "ACCELERATE_DYNAMO_BACKEND": "EAGER",
        "PYTORCH_JIT": "0",
        "LOCAL_RANK": "0",
    }
    ended = subprocess.run(
        command(tmp_path, "leaked", 2, SHORT),
        capture_output=True,
        text=True,
        check=False,
        env={**ENVIRONMENT, **leaks},
    )
    assert ended.returncode == 1, ended.stderr
    assert equal(tensors(tmp_path / "leaked"), tensors(uninterrupted))
    (line,) = ended.stderr.splitlines()
    assert "not used" in line
    assert [name for name in leaks if f"{name}=" not in line] == ["LOCAL_RANK"]


def test_three_processes_share_two_agents(uninterrupted, tmp_path):
    """Who has two processes sums in another order, on the same course.

    Which agent that is may change after each epoch: a group takes the weakest that is free.
    """
    ended = train(tmp_path, "three", 3, SHORT)
    assert ended.returncode == 1, ended.stderr
    shared, alone = tensors(tmp_path / "three"), tensors(uninterrupted)
    changed = {key[0] for key in alone if not shared[key].equal(alone[key])}
    likeness = {
        key: float(torch.cosine_similarity(shared[key].flatten(), alone[key].flatten(), dim=0))
        for key in alone
        if key[1] == "model.safetensors"
    }
    assert changed
    assert min(likeness.values()) > 0.99


@pytest.mark.slow
def test_accelerate_launch_gives_the_same_agents(uninterrupted, tmp_path):
    """--multi_gpu starts both processes, here on the CPU; --cpu would start only one."""
    arguments = command(tmp_path, "launched", 2, SHORT)[2:]
    launch = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    ended = subprocess.run(
        [sys.executable, "-m", *launch, "-m", *arguments],
        capture_output=True,
        check=False,
        env={**ENVIRONMENT, "ACCELERATE_USE_CPU": "true"},
    )
    run = tmp_path / "launched"
    assert equal(tensors(run), tensors(uninterrupted)), ended.stderr.decode()
    assert b"Agents below 100%" in ended.stdout
    assert Run.open(run).summary()["seconds"]["train"] > 0
    assert any((run / "tensorboard").iterdir())


@contextmanager
def launched(place, words):
    """Two processes placed by these variables, as an outside launcher starts them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(probe.getsockname()[1])}
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                at_work(
                    words,
                    variables={
                        **meeting,
                        "ACCELERATE_USE_CPU": "true",
                        **{name: value.format(rank) for name, value in place.items()},
                    },
                )
            )
            for rank in (0, 1)
        ]


def test_the_variables_of_mpirun_are_understood(uninterrupted, tmp_path):
    place = {"OMPI_COMM_WORLD_RANK": "{}", "OMPI_COMM_WORLD_SIZE": "2",
             "OMPI_COMM_WORLD_LOCAL_RANK": "{}", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}  # fmt: skip
    with launched(place, arguments(tmp_path, "mpi", 2, SHORT)) as processes:
        ended = [process.ended(PATIENCE_S) for process in processes]
    assert [each.returncode for each in ended] == [1, 0], ended
    assert equal(tensors(tmp_path / "mpi"), tensors(uninterrupted))


@pytest.mark.slow
def test_processes_of_a_launcher_end_together_when_the_first_is_refused(tmp_path):
    place = {"RANK": "{}", "WORLD_SIZE": "2", "LOCAL_RANK": "{}", "LOCAL_WORLD_SIZE": "2"}
    (tmp_path / "held").mkdir()
    words = arguments(tmp_path, "held", 2, SHORT)
    with (
        FileLock(tmp_path / "held" / ".run.lock"),
        launched(place, words) as processes,
    ):
        ended = [process.ended(PATIENCE_S) for process in processes]
    assert [each.returncode for each in ended] == [2, 2], ended
    assert "another command is at work on" in ended[0].stderr
    assert "error: lost another process of this run, which says why it ended" in ended[1].stderr
    assert not any("Traceback" in each.stderr for each in ended)


def test_a_damaged_checkpoint_is_named_in_one_line(uninterrupted, tmp_path):
    shutil.copytree(uninterrupted, tmp_path / "hurt")
    file = tmp_path / "hurt" / "agents" / "1" / "optimizer.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    more = [*SHORT[:-1], str(2 * BUDGET)]
    ended = train(tmp_path, "hurt", 1, more)
    lines = ended.stderr.splitlines()
    assert ended.returncode == 2
    assert len(lines) == 1
    assert "agents/1/optimizer.safetensors is damaged" in lines[0]


def test_metrics_are_one_json_object_a_line(uninterrupted):
    text = (uninterrupted / "metrics.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    epochs = [line for line in lines if line.get("event") == "epoch"]
    assert sorted((e["agent"], e["quizzes"]) for e in epochs) == [
        (agent, quizzes) for agent in (0, 1) for quizzes in range(EPOCH, BUDGET + 1, EPOCH)
    ]


@pytest.mark.slow
def test_a_tiny_world_is_learned_to_its_target(tmp_path):
    """A quarter of the budget is enough."""
    options = [*TINY, "--train.target", "0.95", "--train.epoch-quizzes", "2048",
               "--train.batch-size", "32", "--train.learning-rate", "0.016",
               "--train.warmup-steps", "50", "--train.ema-decay", "0.99",
               "--train.max-quizzes", "60000"]  # fmt: skip
    ended = train(tmp_path, "real", 2, options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    run = Run.open(tmp_path / "real")
    assert all(run.agent_state(agent).test.accuracy >= 0.95 for agent in run.agents)
