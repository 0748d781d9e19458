"""Commands killed and interrupted at random moments; they go on to the same result."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.campaign.judge import DONE, INTERRUPTED, REFUSED, Verdict
from tests.campaign.start import How, Started, kill_workers, start, stop_workers
from tests.campaign.tiny import FINDINGS, PLAIN, WHOLE, Undisturbed, differences, picture, words_of
from tests.helpers.processes import workers

FEWEST, MOST = 1, 3
"""Disturbances of one run, at most, before it is left alone to its end."""
EARLY = 0.1
"""Share of the moments that are before a command's work begins."""
SETTLED_S = 0.3
"""After which Python itself has started, which nobody can interrupt in one line."""


def kills(undisturbed: Undisturbed, rng: random.Random, folder: Path) -> Verdict:
    """``culture`` disturbed, begun again and disturbed, and so on, from nothing."""
    how = How(afresh=rng.random() < 0.2)
    path = folder / "runs" / "tiny"
    began, seconds = undisturbed.began_s[how.afresh], undisturbed.seconds[how.afresh]

    def moment() -> float:
        early = rng.random() < EARLY
        return rng.uniform(0, began) if early else rng.uniform(began, seconds)

    verdict = _disturbed(words_of("culture", path, 2), path, how, rng, moment)
    verdict.judge_all(differences(undisturbed.pictures[PLAIN], picture(path)))
    return verdict


def killed_findings(undisturbed: Undisturbed, rng: random.Random, folder: Path) -> Verdict:
    """A command on a finished run disturbed, which then finds the same."""
    command = rng.choice([*FINDINGS, "report"])
    took, path = undisturbed.took[command], undisturbed.copy(WHOLE, folder)
    for name in undisturbed.makes[command]:
        (path / name).unlink()
    verdict = _disturbed(words_of(command, path), path, How(), rng, lambda: rng.uniform(0, took))
    verdict.judge_all(differences(undisturbed.pictures[WHOLE], picture(path)))
    return verdict


def _disturbed(
    words: list[str], path: Path, how: How, rng: random.Random, moment: Callable[[], float]
) -> Verdict:
    """A command disturbed a few times, and the same again to its end."""
    verdict = Verdict()
    for turn in range(rng.randint(FEWEST, MOST)):
        started = start(words, path.parent / f"said-{turn}", how)
        if started.has_ended_within(moment()):
            break  # it was quicker
        kind = rng.choice(["power", "power", "power", "launcher", "worker", "SIGTERM", "SIGINT"])
        DISTURBANCES[kind](started, path, verdict, rng)
    else:
        started = start(words, path.parent / "said-last", how)
    verdict.judge(started.wait(), {DONE})
    if not stop_workers(path):
        verdict.faults.append("workers are left")
    return verdict


def _power(started: Started, path: Path, verdict: Verdict, rng: random.Random) -> None:
    """All processes at once, as a power cut does."""
    started.send(signal.SIGKILL)
    kill_workers(path)
    verdict.count("kills")
    started.wait()
    stop_workers(path)


def _launcher(started: Started, path: Path, verdict: Verdict, rng: random.Random) -> None:
    """The command alone; its workers notice by themselves, a moment after the next has begun."""
    started.send(signal.SIGKILL)
    verdict.count("kills")
    started.wait()


def _worker(started: Started, path: Path, verdict: Verdict, rng: random.Random) -> None:
    """One worker, as the system does when memory runs out; the command says so."""
    found = workers(path)
    if not found:
        _power(started, path, verdict, rng)
        return
    with suppress(ProcessLookupError):
        os.kill(rng.choice(found), signal.SIGKILL)
    verdict.count("kills")
    # One that has done its part is not missed.
    verdict.judge(started.wait(), {DONE, REFUSED}, "ended unexpectedly", "lost another process")
    if not stop_workers(path):
        verdict.faults.append("workers are left")


def _signal(number: int) -> Callable[[Started, Path, Verdict, random.Random], None]:
    def interrupt(started: Started, path: Path, verdict: Verdict, rng: random.Random) -> None:
        started.has_ended_within(SETTLED_S)
        started.send(number)
        verdict.count("interruptions")
        # It may have been at its end, or not have come to say what it does when it is told to end.
        verdict.judge(started.wait(), {DONE, INTERRUPTED, -signal.SIGTERM})
        if not stop_workers(path):
            verdict.faults.append("workers are left")

    return interrupt


DISTURBANCES = {
    "power": _power,
    "launcher": _launcher,
    "worker": _worker,
    "SIGTERM": _signal(signal.SIGTERM),
    "SIGINT": _signal(signal.SIGINT),
}
