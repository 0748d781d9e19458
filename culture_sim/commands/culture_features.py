"""Find out what agents' own quizzes do to their features."""

from __future__ import annotations

from dataclasses import dataclass

from culture_sim.commands import commands
from culture_sim.commands.base import ComparisonCommand, Findings
from culture_sim.run.reporting import Report
from world.core.errors import COUNT, require


@commands.register("culture-features")
@dataclass(frozen=True, kw_only=True)
class CultureFeatures(ComparisonCommand):
    """Find out what agents' own quizzes do to their features, and what a dissenter lacks."""

    world_quizzes: int = 4000
    """Unseen world quizzes that the agents are asked, to find some that one of them fails."""
    solved: int = 1500
    """Quizzes of each origin that all agents solve, at most: what is usual."""
    resamples: int = 2000
    """Random dissenters behind each contrast's p."""
    seed: int = 0
    """Which quizzes and which resamples."""

    def __post_init__(self) -> None:
        require(self, "culture-features", COUNT, "world_quizzes", "solved", "resamples")

    def find(self, report: Report) -> Findings:
        """All figures, written beside the comparison."""
        from culture_sim.culture.store import open_culture

        store = open_culture(self.open_run().path)
        with self.opened() as compared:
            from culture_sim.features.folders import CULTURE, write_figures
            from culture_sim.features.on_culture.figures import tables_of
            from culture_sim.features.on_culture.steps import CultureSteps

            steps = CultureSteps(
                compared,
                store,
                report,
                world_quizzes=self.world_quizzes,
                solved=self.solved,
                resamples=self.resamples,
                seed=self.seed,
            )
            figures, tables = steps.all()
            tree = {"options": self.as_dict(), "comparison": compared.made_from, **figures}
            path = write_figures(compared.folder, CULTURE, tree, tables)
        return Findings(tables_of(figures), f"{path} and tables beside it")
