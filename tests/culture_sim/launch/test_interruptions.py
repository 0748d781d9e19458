"""Ctrl-C and writes that fail, in every stage: one line, no worker left, and a run that goes on.

Both are real: the signal goes to all of the command's group, as a terminal or a scheduler sends
it, and the operating system refuses to let a file grow, as it does when a disk is full.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from culture_sim.culture.store import CultureStore
from culture_sim.features.folders import dictionary_configs
from culture_sim.launch.pipeline import ALONE
from culture_sim.run.run import Run
from tests.helpers.commands import culture_sim
from tests.helpers.launched import launch, run
from tests.helpers.processes import PATIENCE_S, wait_until, workers

pytestmark = pytest.mark.slow
SMOKE = {
    "train-agents": [
        "--preset", "smoke", "--train.precision", "fp32",
        "--model.d-model", "16", "--model.d-mlp", "32", "--model.n-heads", "1",
        "--model.n-layers", "1",
        "--train.epoch-quizzes", "160", "--train.max-quizzes", "160",
        "--train.test-quizzes", "10", "--train.validation-quizzes", "8",
        "--train.recombined-quizzes", "4",
    ],
    "culture-round": [
        "--culture.batch-size", "16", "--culture.shard-batches", "1",
        "--culture.max-proposals", "80", "--culture.transfer-quizzes", "8",
    ],
    "sae": [
        "--sae.sites", "blocks.0.hook_resid_post", "--sae.training-tokens", "8000",
        "--sae.buffer-quizzes", "24", "--sae.comparison-quizzes", "24",
        "--sae.permutations", "1", "--sae.resamples", "5",
        "--sae.concept-quizzes", "10", "--sae.seeds", "1", "--sae.baselines",
    ],
    "report": [],
}  # fmt: skip
STAGES = tuple(SMOKE)
ERROR = "culture-sim: error: "


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """By stage, a run in which it comes next. The report needs no features, so it has none."""
    folder = tmp_path_factory.mktemp("before")
    runs = {stage: folder / stage / "smoke" for stage in STAGES}
    runs["train-agents"].mkdir(parents=True)
    for done, following in (("train-agents", "culture-round"), ("culture-round", "sae")):
        shutil.copytree(runs[done], runs[following])
        assert finish(runs[following], done) == 0
    shutil.copytree(runs["sae"], runs["report"])
    return runs


@pytest.fixture(params=STAGES)
def stage(request):
    return request.param


@pytest.fixture
def path(before, stage, tmp_path):
    """A run of its own to spoil."""
    return shutil.copytree(before[stage], tmp_path / "smoke")


def options(path, stage, processes):
    place = ["--runs", str(path.parent), "--run", path.name]
    workers = [] if stage in ALONE else ["--processes", str(processes)]
    return [stage, *place, *workers, *SMOKE[stage]]


def finish(path, stage):
    """The command to its end, its launcher in this process; returns the exit code."""
    return culture_sim(*options(path, stage, processes=1)).returncode


def start_afresh(path, stage):
    """The command with its workers, as a person starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "culture_sim", *options(path, stage, processes=2)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(path, stage):
    """The same, sooner."""
    return launch(options(path, stage, processes=2))


AT_WORK = {
    "train-agents": "agents/*/state.json",
    "culture-round": "culture/round-0001.parts/*.parquet",
    "sae": "sae/*/*/*/0/training.json",
    "report": "logs/report-0.log",
}
"""What a stage has left, by glob, when it is in the middle of its work."""
DONE = {
    "train-agents": "agents/4/state.json",
    "culture-round": "culture/round-0001.json",
    "sae": "features/*/*/summary.json",
    "report": "report/index.html",
}
LIMITS = {"train-agents": 16_000, "culture-round": 8_000, "sae": 16_000, "report": 20_000}
"""Bytes a file may have: too few for the largest file of the stage, enough for its small ones."""


def one_error(stderr):
    """The only line of a command's standard error, without its prefix."""
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith(ERROR)
    return lines[0].removeprefix(ERROR)


def test_a_stage_goes_on_after_ctrl_c_and_a_full_disk(path, stage):
    """One line each time, no worker left, nothing half-written; then the stage ends as it does."""
    interrupt(path, stage)
    fill_the_disk(path, stage)
    assert finish(path, stage) == 0
    assert_done(path, stage)


def interrupt(path, stage):
    """Press Ctrl-C, or do as `timeout` does, when all workers are in the middle of their work."""
    process = (start_afresh if stage == "train-agents" else start)(path, stage)
    count = 1 if stage in ALONE else 2
    wait_until(lambda: any(path.glob(AT_WORK[stage])) and len(workers(path)) == count, process)
    assert not any(path.glob(DONE[stage]))
    os.killpg(process.pid, signal.SIGTERM if stage == "culture-round" else signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    left = workers(path)
    assert process.returncode == 130
    assert one_error(stderr) == "interrupted; run the same command again to go on from here"
    assert left == []
    assert not any(path.glob(DONE[stage]))


def fill_the_disk(path, stage):
    """Go on where no large file can be written."""
    limit = LIMITS[stage]
    lower = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
    ended = run(options(path, stage, processes=1), prepare=lower)
    left = workers(path)
    assert ended.returncode == 2
    line = one_error(ended.stderr)
    assert "File too large" in line
    assert str(path) in line
    assert left == []
    assert not any(path.glob(DONE[stage]))


@pytest.mark.parametrize("stage", ["train-agents"], indirect=True)
@pytest.mark.parametrize("folder", ["short", "long" * 25])
def test_ctrl_c_while_workers_are_started_leaves_none(path, stage, folder):
    """The second worker's log is there a moment before the worker is.

    The launcher may not know it yet; then it ends by itself, a moment later. The server's socket
    has no place in a temporary folder of a long name, so workers start afresh there.
    """
    temporary = path.parent / folder
    temporary.mkdir()
    process = launch(options(path, stage, processes=2), variables={"TMPDIR": str(temporary)})
    wait_until((path / "logs" / "train-1.log").exists, process, pause=0.0005)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    one_error(stderr)
    until = time.monotonic() + PATIENCE_S
    while workers(path) and time.monotonic() < until:
        time.sleep(0.1)
    assert workers(path) == []


def assert_done(path, stage):
    """The stage's results are there and can be read, and nothing half-written is beside them."""
    assert any(path.glob(DONE[stage]))
    opened = Run.open(path)
    for agent in opened.agents:
        opened.load_agent(agent)
    if stage == "culture-round":
        assert len(CultureStore(path / "culture").votes(1))
        assert opened.summary()["culture"]["rounds"][0]["proposed"] == 80
    if stage == "sae":
        place = f"{opened.config.sae.sites[0]}/{dictionary_configs(opened.config)[0].name}"
        assert place in opened.summary()["features"]
    if stage == "report":
        assert (path / DONE["report"]).read_text().rstrip().endswith("</html>")
    assert [file for file in path.rglob("*tmp*") if file.name != "tmp"] == []
