"""How many processor cores may be used: fewer than the machine has, in a container or a job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = CGROUPS, own: Path = OWN) -> int:
    """Cores that this process may keep busy, at least one.

    The quota of a control group is rounded down: threads above it would wait for each other.
    cgroups: where Linux shows the control groups; own: the file that names those of this process.
    """
    quotas = [int(quota) for quota in _quotas(cgroups, own)]
    return max(1, min([affine_cores(), *quotas]))


def affine_cores() -> int:
    """Cores that the scheduler may place this process on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """Cores allowed by each of the process's control groups that has a limit (version 2 and 1)."""
    for folder in _folders(cgroups, own):
        for quota, period in (
            _numbers(folder / "cpu.max"),
            _numbers(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us"),
        ):
            if quota > 0 and period > 0:
                yield quota / period


def _folders(cgroups: Path, own: Path) -> Iterator[Path]:
    """Those of the process's groups and of all groups around them, which may not exist.

    A container often sees its own group as the root, under whatever name the machine has for it.
    """
    try:
        lines = own.read_text("utf-8").splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for place in (cgroups / controllers, cgroups / "cpu") if controllers else (cgroups,):
            for around in (PurePosixPath(group), *PurePosixPath(group).parents):
                yield place / str(around).lstrip("/")


def _numbers(*files: Path) -> tuple[int, int]:
    """The two numbers in one file or two; zeros where there are none, or no limit is set."""
    with suppress(OSError, ValueError):
        first, second = " ".join(file.read_text("utf-8") for file in files).split()
        return int(first), int(second)
    return 0, 0
