"""Kinds of fault, and how often each is tried beside the others."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.clocks import clocks
from tests.campaign.damage import damaged, harms
from tests.campaign.disks import full_disk, limited_files
from tests.campaign.judge import Verdict
from tests.campaign.kills import killed_findings, kills
from tests.campaign.rights import another_user, read_only
from tests.campaign.surroundings import surroundings
from tests.campaign.tiny import Undisturbed
from tests.campaign.together import together


@dataclass(frozen=True)
class Case:
    """One case: the ``number``-th of its kind under a seed, the same whenever it is asked for."""

    kind: str
    number: int
    seed: int

    @property
    def name(self) -> str:
        """What to ask for it by."""
        return f"{self.kind}/{self.number}"

    def rng(self) -> random.Random:
        """The source of its choices."""
        return random.Random(f"{self.seed}/{self.name}")

    def run(self, undisturbed: Undisturbed, folder: Path) -> Verdict:
        """Try it, in an empty folder."""
        return KINDS[self.kind].run(self, undisturbed, folder)


@dataclass(frozen=True)
class Kind:
    """A kind of fault. share: how many cases, beside those of others."""

    about: str
    share: float
    run: Callable[[Case, Undisturbed, Path], Verdict]


def _drawn(
    try_it: Callable[[Undisturbed, random.Random, Path], Verdict],
) -> Callable[[Case, Undisturbed, Path], Verdict]:
    return lambda case, undisturbed, folder: try_it(undisturbed, case.rng(), folder)


def _damage(case: Case, undisturbed: Undisturbed, folder: Path) -> Verdict:
    every = harms(undisturbed, random.Random(f"{case.seed}/damage"))
    return damaged(undisturbed, every[case.number % len(every)], folder)


def _surroundings(case: Case, undisturbed: Undisturbed, folder: Path) -> Verdict:
    return surroundings(undisturbed, case.rng(), folder, case.number)


KINDS = {
    "kills": Kind("culture killed and interrupted", 8, _drawn(kills)),
    "findings": Kind("other commands killed and interrupted", 4, _drawn(killed_findings)),
    "damage": Kind("a file of a finished run damaged", 40, _damage),
    "disk": Kind("a full disk", 3, _drawn(full_disk)),
    "limit": Kind("files that may not grow", 3, _drawn(limited_files)),
    "rights": Kind("read-only folders", 2, _drawn(read_only)),
    "user": Kind("another user's run", 2, _drawn(another_user)),
    "clock": Kind("clocks that jump", 1, _drawn(clocks)),
    "together": Kind("two commands on one run", 2, _drawn(together)),
    "surroundings": Kind("no HOME, LC_ALL=C, no network ...", 2, _surroundings),
}
