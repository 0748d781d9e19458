"""Find out what features do: silence them, put one agent's in another's place."""

from __future__ import annotations

from dataclasses import dataclass

from culture_sim.commands import commands
from culture_sim.commands.base import ComparisonCommand, Findings
from culture_sim.run.reporting import Report
from world.core.errors import COUNT, require


@commands.register("effects")
@dataclass(frozen=True, kw_only=True)
class FindEffects(ComparisonCommand):
    """Find out what features do: silence them, drive them by another agent's, and look."""

    quizzes: int = 500
    """Held-out quizzes to answer: half to choose on, half to report on."""
    families: int = 200
    """Families whose members are put in each other's place, drawn by chance."""
    resamples: int = 1000
    """Bootstrap resamples behind each 95 % interval."""
    seed: int = 0
    """Which families, which controls, and which resamples."""

    def __post_init__(self) -> None:
        require(self, "effects", COUNT, "quizzes", "families", "resamples")

    def find(self, report: Report) -> Findings:
        """All effects, written beside the comparison."""
        with self.opened() as compared:
            from culture_sim.features.effects import EffectSteps
            from culture_sim.features.effects_shown import tables_of
            from culture_sim.features.folders import EFFECTS, write_figures

            report("reading the agents")
            steps = EffectSteps(
                compared,
                report,
                quizzes=self.quizzes,
                families=self.families,
                resamples=self.resamples,
                seed=self.seed,
            )
            figures, tables = steps.all()
            tree = {"options": self.as_dict(), "comparison": compared.made_from, **figures}
            path = write_figures(compared.folder, EFFECTS, tree, tables)
        return Findings(tables_of(figures), f"{path} and tables beside it")
