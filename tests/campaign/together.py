"""Two commands on one run at once: one works, the other waits, reads or is refused in a line."""

from __future__ import annotations

import random
from pathlib import Path

from tests.campaign.judge import DONE, REFUSED, Verdict
from tests.campaign.start import run, start, stop_workers
from tests.campaign.tiny import (
    EXPORT,
    FINDINGS,
    NAME,
    PLAIN,
    Undisturbed,
    differences,
    picture,
    words_of,
)

OTHERS = ("culture", "sae", "report", "replay", "quizzes", "quizzes --agent 0")


def together(undisturbed: Undisturbed, rng: random.Random, folder: Path) -> Verdict:
    """``culture`` from nothing, and another command a random moment later."""
    path, verdict = folder / "runs" / NAME, Verdict()
    words = words_of("culture", path, 2)
    first = start(words, folder / "said-first")
    first.has_ended_within(rng.uniform(0, undisturbed.seconds[False]))
    command = rng.choice([*OTHERS, "culture", "culture", EXPORT, *FINDINGS])
    second = run(words_of(command, path), folder / "said-second")
    verdict.judge(second, {DONE, REFUSED})
    # Where both began at once, the second may be the one that works.
    verdict.judge(first.wait(), {DONE, REFUSED}, "another command is at work")
    verdict.count("pairs of commands")
    if not stop_workers(path):
        verdict.faults.append("workers are left")
    verdict.judge(run(words, folder / "said-last"), {DONE})
    expected, found = undisturbed.pictures[PLAIN], picture(path)
    if command in FINDINGS and second.code == DONE:
        # It left what it found, and the report shows that.
        common = {name for name in expected if not name.startswith("report/")}
        expected, found = ({k: each[k] for k in common & {*each}} for each in (expected, found))
    verdict.judge_all(differences(expected, found))
    return verdict
