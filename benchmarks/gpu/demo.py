"""What `make demo` runs: the whole experiment in miniature, by its module.

Where the command line's packages are not installed, only training and a round, in this process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace

from accelerate.state import AcceleratorState

from benchmarks.gpu.parts import COMMANDS, Figures, Note, Setting, missing
from benchmarks.measure import Row
from culture_sim.experiment import run_stage
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig, config_to_dict
from culture_sim.run.run import Run
from world.core.files import write_json

PRESET = "smoke"
STAGES = ("train", "round-1")
"""What needs no autoencoder and no page."""


def figures(setting: Setting) -> Figures:
    """Seconds of every stage."""
    lacking = missing(COMMANDS)
    if not lacking:
        yield from _by_command(setting)
        return
    yield Note(f"training and a round only, for want of {', '.join(lacking)}")
    yield from _by_stages(setting)


def options(setting: Setting) -> RunConfig:
    """The preset's, or of a run that is over in seconds."""
    config = presets[PRESET]()
    if not setting.tiny:
        return config
    train = replace(config.train, epoch_quizzes=64, max_quizzes=64, test_quizzes=20)
    culture = replace(config.culture, batch_size=8, shard_batches=1, max_proposals=8)
    return replace(config, agents=2, train=train, culture=culture)


def _by_command(setting: Setting) -> Figures:
    file, began = setting.folder / "options.json", time.perf_counter()
    write_json(file, config_to_dict(options(setting)))
    place = ["--runs", str(setting.folder), "--run", "demo", "--preset", PRESET]
    command = [sys.executable, "-m", "culture_sim", "culture", *place, "--config", str(file)]
    try:
        ended = subprocess.run(
            command, check=False, timeout=max(setting.left(), 1.0), stdout=sys.stderr
        )
        code = ended.returncode
    except subprocess.TimeoutExpired:
        yield Note("stopped: no time left")
        code = None
    path = setting.folder / "demo"
    if (path / "config.json").exists():
        for stage, spent in Run.open(path).summary().get("seconds", {}).items():
            yield _row(stage, spent)
    if code:
        raise RuntimeError(f"culture-sim culture ended with {code}")
    if code == 0:
        yield _row("everything", time.perf_counter() - began)


def _by_stages(setting: Setting) -> Figures:
    AcceleratorState._reset_state()
    run = Run.start(setting.folder / "demo", options(setting), PRESET)
    for stage in STAGES:
        began = time.perf_counter()
        run_stage(run, stage)
        yield _row(stage, time.perf_counter() - began)


def _row(stage: str, spent: float) -> Row:
    return Row("demo", stage, spent, "s", better="less")
