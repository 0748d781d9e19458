"""Train every agent of the run to the target accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from culture_sim.commands import commands
from culture_sim.commands.stage import StageCommand


@commands.register("train-agents")
@dataclass(frozen=True, kw_only=True)
class TrainAgents(StageCommand):
    """Stages of a run."""

    starts_runs: ClassVar[bool] = True
    takes: ClassVar[tuple[str, ...]] = ("seed", "agents", "world", "model", "train")
