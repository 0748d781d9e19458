"""Train one dictionary for all agents: which features belong to a single agent?"""

from __future__ import annotations

from dataclasses import dataclass, field

from culture_sim.commands import commands
from culture_sim.commands.base import ComparisonCommand, Findings
from culture_sim.run.reporting import Report
from sae.crosscoder.config import CrosscoderConfig


@commands.register("crosscoder")
@dataclass(frozen=True, kw_only=True)
class FitCrosscoder(ComparisonCommand):
    """Train one dictionary for all agents of a run, and see which features one agent alone has."""

    seed: int = 0
    """Of its initial weights and the order of its data."""
    controls: bool = True
    """Train it on two controls as well: five rotated copies of one agent, where nothing is
    unique, and rows permuted within cells, where all but what cells explain is."""
    crosscoder: CrosscoderConfig = field(default_factory=CrosscoderConfig)

    def find(self, report: Report) -> Findings:
        """All figures, written beside the comparison."""
        with self.opened() as compared:
            from culture_sim.features.crosscoder import find_shared
            from culture_sim.features.crosscoder_shown import shown_of
            from culture_sim.features.folders import CROSSCODER, write_figures

            figures, tables = find_shared(
                compared, self.crosscoder, report, seed=self.seed, controls=self.controls
            )
            path = write_figures(compared.folder, CROSSCODER, figures, tables)
        return Findings(shown_of(figures), str(path))
