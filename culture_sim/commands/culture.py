"""Everything: train the agents, make culture, train SAEs, compare them, report."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from culture_sim.commands import commands
from culture_sim.commands.stage import StageCommand
from culture_sim.run.config import RunConfig


@commands.register("culture")
@dataclass(frozen=True, kw_only=True)
class Culture(StageCommand):
    """Stages of a run."""

    starts_runs: ClassVar[bool] = True
    takes: ClassVar[tuple[str, ...]] = tuple(option.name for option in fields(RunConfig))
