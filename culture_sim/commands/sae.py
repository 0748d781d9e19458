"""Train a sparse autoencoder on every agent and compare their features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from culture_sim.commands import commands
from culture_sim.commands.stage import StageCommand


@commands.register("sae")
@dataclass(frozen=True, kw_only=True)
class TrainSAEs(StageCommand):
    """Stages of a run."""

    takes: ClassVar[tuple[str, ...]] = ("sae", "compare_on_culture")
