"""Everything: train the agents, make culture, train SAEs, compare them, report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from culture_sim.commands import commands
from culture_sim.commands.stage import StageCommand


@commands.register("culture")
@dataclass(frozen=True, kw_only=True)
class Culture(StageCommand):
    """Stages of a run."""

    starts_runs: ClassVar[bool] = True
