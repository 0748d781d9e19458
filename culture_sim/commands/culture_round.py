"""Propose quizzes, vote, keep those that the rule asks for, train on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from culture_sim.commands import commands
from culture_sim.commands.stage import StageCommand


@commands.register("culture-round")
@dataclass(frozen=True, kw_only=True)
class CultureRound(StageCommand):
    """Stages of a run."""

    takes: ClassVar[tuple[str, ...]] = ("rounds", "train", "culture")
