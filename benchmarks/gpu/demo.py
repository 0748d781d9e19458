"""What `make demo` runs: the whole experiment in miniature, by its module.

Where the command line's packages are not installed, only training and, if it can be stored, a
round, in this process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from accelerate.state import AcceleratorState

from benchmarks.gpu.parts import COMMANDS, Figures, Note, Setting, missing
from benchmarks.measure import Row
from culture_sim.experiment import run_stage
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig, config_to_dict
from culture_sim.run.run import Run
from world.core.files import write_json

PRESET = "smoke"
STAGES = {"train": (), "round-1": ("datasets",)}
"""What needs no autoencoder and no page, and what it needs beside agents."""


def figures(setting: Setting) -> Figures:
    """Seconds of every stage."""
    lacking = missing(COMMANDS)
    if not lacking:
        yield from _by_command(setting)
        return
    yield Note("stages by themselves, for want of some packages of the command line")
    yield from _by_stages(setting)


def options(setting: Setting) -> RunConfig:
    """The preset's, or of a run that is over in seconds."""
    config = presets[PRESET]()
    if not setting.tiny:
        return config
    train = replace(
        config.train,
        epoch_quizzes=64,
        max_quizzes=64,
        test_quizzes=20,
        validation_quizzes=20,
        recombined_quizzes=4,
    )
    culture = replace(
        config.culture, batch_size=8, shard_batches=1, max_proposals=8, transfer_quizzes=20
    )
    return replace(config, train=train, culture=culture)


def command(folder: Path, options: Path) -> list[str]:
    """What is typed for the run "demo" in a folder, with options from a file."""
    place = ["--runs", str(folder), "--run", "demo", "--preset", PRESET]
    return [sys.executable, "-m", "culture_sim", "culture", *place, "--config", str(options)]


def _by_command(setting: Setting) -> Figures:
    file, began = setting.folder / "options.json", time.perf_counter()
    write_json(file, config_to_dict(options(setting)))
    # A file, since workers that outlive a command keep a pipe open.
    with (setting.folder / "demo.log").open("w+") as log:
        ended = subprocess.Popen(
            command(setting.folder, file), stdout=log, stderr=subprocess.STDOUT
        )
        with suppress(subprocess.TimeoutExpired):
            ended.wait(max(setting.left(), 1.0))
        log.seek(0)
        said = log.read()
    print(said, file=sys.stderr)
    path = setting.folder / "demo"
    if (path / "config.json").exists():
        for stage, spent in Run.open(path).summary().get("seconds", {}).items():
            yield _row(stage, spent)
    if ended.returncode is None:
        ended.kill()
        ended.wait()
        yield Note("stopped before its end: no time left")
    elif ended.returncode:
        raise RuntimeError(said.strip().splitlines()[-1] if said.strip() else "it said nothing")
    else:
        yield _row("everything", time.perf_counter() - began)


def _by_stages(setting: Setting) -> Figures:
    AcceleratorState._reset_state()
    run = Run.start(setting.folder / "demo", options(setting), PRESET)
    for stage, needs in STAGES.items():
        if missing(needs):
            yield Note(f"{stage} is left out")
            continue
        began = time.perf_counter()
        run_stage(run, stage)
        yield _row(stage, time.perf_counter() - began)


def _row(stage: str, spent: float) -> Row:
    return Row("demo", stage, spent, "s", better="less")
