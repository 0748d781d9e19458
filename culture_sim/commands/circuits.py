"""Find out whether agents' heads do the same, and which features tell the answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from culture_sim.commands import commands
from culture_sim.commands.base import FindingCommand, Findings
from culture_sim.run.places import run_path
from culture_sim.run.reporting import Report
from culture_sim.run.run import Run
from world import FlippedWorld, require_offer
from world.core.errors import COUNT, UserError, require

if TYPE_CHECKING:
    from culture_sim.circuits.steps import LookedAt

LEAST = 16
"""Fewer sentences are too few to be halved."""


@commands.register("circuits")
@dataclass(frozen=True, kw_only=True)
class FindCircuits(FindingCommand):
    """Find out whether agents' heads do the same, and which features tell the answer."""

    run: str = "names"
    """The run to look at; its world must change one thing at a time, as names does."""
    before: str | None = None
    """A run under --runs with the same agents as they were before, such as a study's "base": each
    is then compared with itself."""
    sentences: int = 128
    """Held-out sequences that effects are means over; half of them for each side of a match."""
    resamples: int = 300
    """Bootstrap resamples behind each 95 % interval."""
    draws: int = 199
    """Draws of each null."""
    features: bool = True
    """Whether to look at features as well, where the run's are compared."""
    site: str | None = None
    """Of which comparison; the first compared site by default."""
    dictionary: str | None = None
    """Of which SAEs, such as batch_topk-512; the first by default."""
    seed: int = 0
    """Which sequences, and which resamples and draws."""

    def __post_init__(self) -> None:
        require(self, "circuits", COUNT, "sentences", "resamples", "draws")
        if self.sentences < LEAST:
            raise UserError(f"--sentences must be at least {LEAST}, got {self.sentences}")

    def find(self, report: Report) -> Findings:
        """All figures, tables and the page, in the run's folder."""
        run = self.open_run()
        require_offer(
            run.config.world, FlippedWorld, "circuits need sequences with one thing changed"
        )
        from culture_sim.circuits.shown import tables_of
        from culture_sim.circuits.steps import CircuitSteps  # loads sae_lens
        from culture_sim.features.folders import CIRCUITS, circuits_path, write_figures
        from culture_sim.report.circuits.write import write_circuits

        with Run.lock(run.path):
            report("reading the agents")
            steps = CircuitSteps(
                run,
                self._earlier(run),
                self._looked_at(run),
                report,
                sentences=self.sentences,
                resamples=self.resamples,
                draws=self.draws,
                seed=self.seed,
            )
            figures, tables = steps.all()
            figures = {"options": self.as_dict(), **figures}
            path = write_figures(circuits_path(run), CIRCUITS, figures, tables)
            page = write_circuits(run)
        return Findings(tables_of(figures), f"{path}, tables beside it, and {page}")

    def _earlier(self, run: Run) -> Run | None:
        """The run with the agents as they were; raises UserError for one of other agents."""
        from culture_sim.circuits.steps import refuse_others

        if self.before is None:
            return None
        earlier = Run.open(run_path(self.runs, self.before, "--before"))
        refuse_others(run, earlier)
        return earlier

    def _looked_at(self, run: Run) -> LookedAt:
        from culture_sim.circuits.steps import LookedAt, features_of

        if not self.features:
            return LookedAt(None, "they were not asked for")
        return features_of(run, self.site, self.dictionary)

    def as_dict(self) -> dict[str, Any]:
        """All options that the findings depend on, for JSON."""
        options = {**asdict(self), "runs": str(self.runs)}
        del options["plugin"]
        return options
