"""Write the run's report as one HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from culture_sim.commands import commands
from culture_sim.commands.stage import StageCommand


@commands.register("report")
@dataclass(frozen=True, kw_only=True)
class Report(StageCommand):
    """Stages of a run."""

    takes: ClassVar[tuple[str, ...]] = ()
    works: ClassVar[bool] = False
