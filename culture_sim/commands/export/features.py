"""Write a run's features as JSON for Neuronpedia: activations, logits, histograms, and a card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from culture_sim.commands.export import Material
from culture_sim.commands.export.saes import OfDictionaries
from culture_sim.launch.progress import progress
from world.core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class ExportFeatures(OfDictionaries):
    """Everything that a command line can say."""

    repo_type = "dataset"

    top: int = 10
    """Quizzes of highest activation, of each feature."""
    of_interval: int = 2
    """Quizzes of each fifth of a feature's range of activations."""

    def __post_init__(self) -> None:
        if self.top < 1:
            raise UserError(f"--top must be at least 1, got {self.top}")
        if self.of_interval < 0:
            raise UserError(f"--of-interval must not be negative, got {self.of_interval}")

    def material(self, console: Console) -> Material:
        """The features that the options ask for, all of which are compared."""
        from culture_sim.export.features import FeaturesExport  # loads sae_lens
        from culture_sim.features.comparisons import open_compared

        run, numbers = self.open_run()
        chosen = [open_compared(run, one.site, one.name) for one in self.chosen(run)]
        asked = FeaturesExport(run, numbers, chosen, self.top, self.of_interval)

        def write(folder: Path) -> None:
            with progress(console) as report:
                asked.write(folder, report)

        return Material(asked.record(), write)


Kind = ExportFeatures
