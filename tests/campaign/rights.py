"""Folders that may not be written to, and runs of another user: a line, and nothing is changed."""

from __future__ import annotations

import ctypes
import os
import random
import struct
from pathlib import Path

from tests.campaign.judge import DONE, REFUSED, Verdict
from tests.campaign.start import How, run
from tests.campaign.tiny import (
    EXPORT,
    FINDINGS,
    NAME,
    PLAIN,
    WHOLE,
    Undisturbed,
    differences,
    picture,
    words_of,
)

SOMEBODY = 54321
"""Another user, whom files can be given to by one who may do everything."""
CAPABILITIES = 0x20080522
"""Version 3 of the capabilities of capset(2): two sets of 32 bits, each in three kinds."""
FOLDERS = (
    *(".", "agents", "culture", "sae", "features", "report", "logs", "tensorboard"),
    *("features/blocks.1.hook_resid_post", "sae/blocks.1.hook_resid_post", ".."),
)
"""Folders of a run, and the one that it is in."""
READING = ("quizzes", "quizzes --agent 0", "replay")
DENIED = "Permission denied"


def be_bound() -> None:
    """Have the rights of files apply to this process, where it is one that may do everything.

    It stays the owner of what it owns: the libraries may be readable to nobody else.
    """
    if os.geteuid() == 0:
        nothing = bytes(2 * 3 * 4)
        if ctypes.CDLL(None).capset(struct.pack("Ii", CAPABILITIES, 0), nothing):
            raise OSError("capabilities cannot be given up")


def read_only(undisturbed: Undisturbed, rng: random.Random, folder: Path) -> Verdict:
    """A run is made where a folder is read-only; then it is not, and the same command goes on."""
    name, verdict = rng.choice(FOLDERS), Verdict()
    path = folder / "runs" / NAME
    place = Path(os.path.normpath(path / name))
    place.mkdir(parents=True)
    place.chmod(0o555)
    words, how = words_of("culture", path, 2), How(prepare=be_bound)
    verdict.commands.append(f"# {name} is read-only")
    verdict.judge(run(words, folder / "said", how), {DONE, REFUSED}, DENIED)
    verdict.count("read-only folders")
    place.chmod(0o755)
    verdict.judge(run(words, folder / "said-again", how), {DONE})
    verdict.judge_all(differences(undisturbed.pictures[PLAIN], picture(path)))
    return verdict


def another_user(undisturbed: Undisturbed, rng: random.Random, folder: Path) -> Verdict:
    """Commands on a run that one may read and not change: those that only read do their work."""
    command, verdict = rng.choice([*READING, EXPORT, *FINDINGS, "report", "sae"]), Verdict()
    path = undisturbed.copy(WHOLE, folder)
    for each in (path, *path.rglob("*")):
        each.chmod(0o555 if each.is_dir() else 0o444)
        _give(each)
    before = picture(path)
    codes = {DONE} if command in (*READING, EXPORT) else {DONE, REFUSED}
    how = How(prepare=be_bound)
    verdict.judge(run(words_of(command, path), folder / "said", how), codes, DENIED)
    verdict.count("runs of another user")
    verdict.judge_all(differences(before, picture(path)))
    for each in (path, *path.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    return verdict


def _give(place: Path) -> None:
    """To somebody else, where that is allowed."""
    if os.geteuid() == 0:
        os.chown(place, SOMEBODY, SOMEBODY)
