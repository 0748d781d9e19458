"""A run's folder: its log, its options, its lock, and when an agent counts as done."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing import get_context

import psutil
import pytest
import torch

import culture_sim.launch.workers
from agents.checkpoint import save_checkpoint
from agents.training import unseen_quizzes
from culture_sim.cli import main
from culture_sim.launch.processes import WorkerError
from culture_sim.launch.workers import LIBRARIES, run_workers
from culture_sim.run.config import VERSION, RunConfig
from culture_sim.run.progress import agent_done, in_training, target_reached
from culture_sim.run.run import Run, parse_line
from culture_sim.run.state import AgentState
from tests.helpers.made_states import evaluation
from tests.helpers.processes import workers
from tests.helpers.server import another_server
from world import Stream
from world.core.errors import ERROR_PREFIX, UserError
from world.core.files import read_json, write_json


@pytest.fixture
def run(tmp_path):
    return Run.start(tmp_path / "run", RunConfig(agents=2), "compact")


def examined(run, agent, accuracy, **state):
    """A checkpoint whose last test, at whatever target it had, was passed."""
    passed = {"quizzes": 4000, "reached": True, "test": evaluation(accuracy), **state}
    weights = {"w": torch.zeros(1)}
    save_checkpoint(run.agent_path(agent), weights, weights, AgentState(agent, **passed).to_json())


def with_target(run, target):
    return replace(run, config=replace(run.config, train=replace(run.config.train, target=target)))


def test_a_target_that_was_raised_is_not_reached(run):
    examined(run, 0, 0.96)
    assert target_reached(run, 0)
    assert agent_done(run, 0, 0)
    raised = with_target(run, 0.99)
    assert not target_reached(raised, 0)
    assert not agent_done(raised, 0, 0)


def test_an_agent_left_within_a_round_is_in_training(run):
    examined(run, 0, 0.96, round=1, reached=False)
    assert in_training(run, 0)
    assert agent_done(run, 0, 0)
    assert not agent_done(run, 0, 1)


def test_a_round_needs_agents_at_the_target(tmp_path, capsys):
    """All are out of budget, one of them below: the round does not begin."""
    run = Run.start(tmp_path / "run", RunConfig(), "compact")
    budget = run.config.train.max_quizzes
    for agent in run.agents:
        examined(run, agent, 0.80 if agent == 1 else 0.96, quizzes=budget, reached=agent != 1)
    where = ["--run", "run", "--runs", str(run.path.parent)]
    assert main(["culture-round", *where]) == 2
    assert "agents 1 of" in capsys.readouterr().err
    assert not (run.path / "culture").exists()


def test_half_a_line_does_not_swallow_the_next(run):
    run.log("train", event="step")
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"time": 1, "st')
    run.log("sae", note="whole")
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    entries = [parse_line(line) for line in lines]
    assert [entry and entry["stage"] for entry in entries] == ["train", None, "sae"]


@pytest.mark.parametrize(
    "line",
    [
        "7",
        "[]",
        "null",
        '{"time": 1}',
        '{"stage": 1}',
        '{"stage": "train", "quizzes": "64"}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_line_is_no_entry(line):
    assert parse_line(line) is None


def test_a_refused_command_leaves_the_options_alone(run, capsys):
    before = (run.path / "config.json").read_text()
    arguments = ["train-agents", "--run", "run", "--runs", str(run.path.parent)]
    with Run.lock(run.path):
        assert main([*arguments, "--train.target", "0.5"]) == 2
    assert "another command is at work" in capsys.readouterr().err
    assert (run.path / "config.json").read_text() == before


def test_a_run_says_where_it_was_made(run):
    path = run.path / "config.json"
    write_json(path, {**read_json(path, ""), "environment": {"processor": "another"}})
    Run.start(run.path, run.config, run.preset)
    assert json.loads(path.read_text())["environment"] == {"processor": "another"}


def test_trained_agents_keep_their_optimizer(run):
    examined(run, 0, 0.96)
    other = replace(run.config, train=replace(run.config.train, optimizer="adam"))
    with pytest.raises(UserError, match=r"another 'train\.optimizer'"):
        Run.start(run.path, other, run.preset)


@pytest.mark.parametrize("text", ["{}", '{"config": {}}'])
def test_options_that_are_missing_are_said_to_be(run, text):
    (run.path / "config.json").write_text(text)
    with pytest.raises(
        UserError, match=r"config.json lacks '(config|preset)': .*; restore or remove it"
    ):
        Run.open(run.path)


@pytest.mark.parametrize(("version", "named"), [(None, 0), (VERSION + 1, VERSION + 1)])
def test_a_run_of_another_version_is_refused(run, capsys, version, named):
    """Its names may mean something else here; the line says what can be done."""
    path = run.path / "config.json"
    saved = {**read_json(path, ""), "version": version}
    write_json(path, {k: v for k, v in saved.items() if v is not None})
    before = path.read_text()
    for command in ("train-agents", "report", "quizzes"):
        assert main([command, "--run", "run", "--runs", str(run.path.parent)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"config.json is of version {named} of runs, and version {VERSION} is read" in error
        assert "make the run again under another name" in error
    assert path.read_text() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "stage", "processes"), [("usual", "sae", 2), ("spawn", "round-1", 1)]
)
def test_a_worker_that_fails_is_quoted(run, monkeypatch, method, stage, processes):
    """However workers come to be, which depends on the machine."""
    if method == "spawn":
        monkeypatch.setattr(culture_sim.launch.workers, "_context", lambda _: get_context("spawn"))
    with pytest.raises(WorkerError, match="is not trained yet"):
        run_workers(run, stage, processes, lambda: None)
    logs = [log.read_text() for log in (run.path / "logs").glob(f"{stage}-*.log")]
    assert len(logs) == processes
    assert any(ERROR_PREFIX in log for log in logs)  # the first to fail; the other was ended


@pytest.mark.slow
def test_workers_begin_with_their_libraries_loaded():
    """Loading takes most of a short stage, and a name that is wrong would not be told."""
    named = {module for modules in LIBRARIES.values() for module in modules}
    assert all(find_spec(module) for module in named)
    script = (
        "import multiprocessing\n"
        "from culture_sim.launch.workers import LIBRARIES, load_ahead\n"
        "stages = ['report']\n"
        "assert load_ahead(stages)\n"
        "wanted = {module for stage in stages for module in LIBRARIES[stage]}\n"
        "seen = f'import sys; sys.exit(len({wanted} - set(sys.modules)))'\n"
        "worker = multiprocessing.get_context('forkserver').Process(target=exec, args=(seen,))\n"
        "worker.start()\n"
        "worker.join()\n"
        "assert worker.exitcode == 0, worker.exitcode\n"
        # It collects its own garbage, and does not look through what the server has loaded.
        "own = 'import gc, sys; sys.exit(not (gc.isenabled() and gc.get_freeze_count() > 9999))'\n"
        "worker = multiprocessing.get_context('forkserver').Process(target=exec, args=(own,))\n"
        "worker.start()\n"
        "worker.join()\n"
        "assert worker.exitcode == 0, 'not frozen'\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


@pytest.mark.slow
def test_workers_end_with_the_server_they_were_forked_from(run):
    """And the next ones have another server."""

    killed = []

    def kill_the_server():
        for worker in workers(run.path) if not killed else []:
            server = psutil.Process(worker).parent()
            assert server.cmdline()[0].startswith("culture_sim.server")
            server.kill()
            killed.append(server)

    with another_server():
        with pytest.raises(WorkerError, match="a worker ended unexpectedly"):
            run_workers(run, "train", 1, kill_the_server)
        until = time.monotonic() + 10
        # The server is seen to be gone when all its memory is given back, which takes a while.
        while workers(run.path) or killed[0].status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < until
        with pytest.raises(WorkerError, match="is not trained yet"):
            run_workers(run, "round-1", 1, lambda: None)


def test_examinations_do_not_share_a_quiz():
    world = RunConfig().world
    test = unseen_quizzes(world, Stream(0, "test"), 500)
    others = unseen_quizzes(world, Stream(0, "test"), 500, [test])
    assert not set(world.canonical_hash(test)) & set(world.canonical_hash(others))
    assert len(others) == 500
