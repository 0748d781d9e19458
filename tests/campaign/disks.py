"""Disks that are full and files that may not grow: a line, and the same command goes on later."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.campaign.judge import DONE, REFUSED, Verdict
from tests.campaign.start import How, run
from tests.campaign.tiny import (
    FINDINGS,
    NAME,
    PLAIN,
    WHOLE,
    Undisturbed,
    differences,
    picture,
    words_of,
)

PAGE = 4096
"""Bytes of which such a disk gives a whole number to each file."""
AMPLE = 1 << 30
SMALLEST = 2000
"""Bytes that a file may have at least: what a command says has to fit."""


def full_disk(undisturbed: Undisturbed, rng: random.Random, folder: Path) -> Verdict:
    """A disk that is full somewhere on the way, then is not; a file system in memory stands for it.

    Without the right to mount one, nothing is tried.
    """
    verdict = Verdict()
    if not _can_mount(folder):
        verdict.count("not tried: no right to mount a disk")
        return verdict
    with _disk(folder / "disk") as disk:
        command = rng.choice(["culture", "culture", "culture", *FINDINGS, "report"])
        path, which, need = _put(undisturbed, command, disk)
        _resize(disk, _used(disk) + int(rng.uniform(0, need)))
        words = words_of(command, path, 2)
        verdict.judge(run(words, folder / "said"), {DONE, REFUSED}, "No space left")
        verdict.count("full disks")
        _resize(disk, AMPLE)
        verdict.judge(run(words, folder / "said-again"), {DONE})
        verdict.judge_all(differences(undisturbed.pictures[which], picture(path)))
    return verdict


def limited_files(undisturbed: Undisturbed, rng: random.Random, folder: Path) -> Verdict:
    """Files may not be larger than a limit, as under a quota; then they may."""
    command = rng.choice(["culture", "culture", "culture", *FINDINGS, "report"])
    path, which, _ = _put(undisturbed, command, folder)
    made = undisturbed.makes[command]
    sizes = [(undisturbed.path(which) / name).stat().st_size for name in made]
    limit = max(SMALLEST, int(rng.choice(sizes) * rng.uniform(0.3, 1)))
    words, verdict = words_of(command, path, 2), Verdict()

    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    verdict.judge(run(words, folder / "said", How(prepare=lower)), {DONE, REFUSED}, "too large")
    verdict.count("limits")
    verdict.judge(run(words, folder / "said-again"), {DONE})
    verdict.judge_all(differences(undisturbed.pictures[which], picture(path)))
    return verdict


def _put(undisturbed: Undisturbed, command: str, folder: Path) -> tuple[Path, str, int]:
    """A run that lacks what a command makes: its path, which one it is, and bytes of what lacks."""
    which = PLAIN if command == "culture" else WHOLE
    whole, made = undisturbed.path(which), undisturbed.makes[command]
    need = sum(-(-(whole / name).stat().st_size // PAGE) * PAGE for name in made)
    if command == "culture":
        return folder / NAME, which, need
    path = undisturbed.copy(which, folder)
    for name in made:
        (path / name).unlink()
    return path, which, need


def _can_mount(folder: Path) -> bool:
    with _disk(folder / "probe") as disk:
        return os.path.ismount(disk)


@contextmanager
def _disk(place: Path) -> Iterator[Path]:
    """A file system of its own, in memory; an ordinary folder where it cannot be mounted."""
    place.mkdir(parents=True)
    tell = {"check": False, "capture_output": True}
    mount = ["mount", "-t", "tmpfs", "-o", f"size={AMPLE},mode=755", "tmpfs", str(place)]
    if shutil.which("mount"):
        subprocess.run(mount, **tell)
    try:
        yield place
    finally:
        if os.path.ismount(place):
            subprocess.run(["umount", "-l", str(place)], **tell)


def _used(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def _resize(disk: Path, size: int) -> None:
    size = max(PAGE, size // PAGE * PAGE)  # nothing would mean no limit
    options = f"remount,size={size}"
    subprocess.run(["mount", "-o", options, str(disk)], check=True, capture_output=True)
