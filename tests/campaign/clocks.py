"""Clocks that jump while a command works, and files from the future or from long ago."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from tests.campaign.judge import DONE, Verdict
from tests.campaign.start import How, kill_workers, run, start, stop_workers
from tests.campaign.tiny import NAME, PLAIN, Undisturbed, differences, picture, words_of

DAY_S = 86_400.0
JUMPS_S = (-3600.0, -DAY_S, -3650 * DAY_S, DAY_S, 3650 * DAY_S)


def clocks(undisturbed: Undisturbed, rng: random.Random, folder: Path) -> Verdict:
    """A jump at a random moment; or a kill, and files with other times when it goes on."""
    path, verdict = folder / "runs" / NAME, Verdict()
    words, jump = words_of("culture", path, 2), rng.choice(JUMPS_S)
    moment = rng.uniform(0, undisturbed.seconds[False])
    verdict.commands.append(f"# time jumps by {jump:.0f} s after {moment:.2f} s")
    if rng.random() < 0.5:
        how = How(prepare=lambda: _jump(moment, jump))
    else:
        how = How()
        started = start(words, folder / "said", how)
        if not started.has_ended_within(moment):
            started.send(signal.SIGKILL)
            kill_workers(path)
        started.wait()
        stop_workers(path)
        _date(path, time.time() + jump)
    verdict.judge(run(words, folder / "said-again", how), {DONE})
    verdict.count("clocks")
    verdict.judge_all(differences(undisturbed.pictures[PLAIN], picture(path)))
    return verdict


def _jump(moment: float, by: float) -> None:
    """From a moment on, this process and those forked from it see another time."""
    real = time.time
    began = real()

    def changed() -> float:
        now = real()
        return now + by if now - began > moment else now

    time.time = changed


def _date(path: Path, when: float) -> None:
    for file in path.rglob("*"):
        os.utime(file, (when, when))
