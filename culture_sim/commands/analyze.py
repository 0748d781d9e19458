"""Find out what a run's culture is: by which rules, how clear, new and hard."""

from __future__ import annotations

from dataclasses import dataclass

from culture_sim.commands import commands
from culture_sim.commands.base import FindingCommand, Findings
from culture_sim.run.reporting import Report
from culture_sim.run.run import Run
from world.core.errors import COUNT, require
from world.core.files import write_json


@commands.register("analyze")
@dataclass(frozen=True, kw_only=True)
class Analyze(FindingCommand):
    """Find out what the quizzes of a run's culture are: by which rules, how clear, new and hard."""

    run: str = "compact"
    """The run whose culture to look at."""
    most: int = 500
    """Quizzes of each round to look at, at most, drawn by chance; as many that were not kept."""
    seed: int = 0
    """Which ones, and what agents sample."""

    def __post_init__(self) -> None:
        require(self, "analyze", COUNT, "most")

    def find(self, report: Report) -> Findings:
        """The table of quizzes and its figures, written beside the store."""
        run = self.open_run()
        from agents.precision import make_accelerator
        from culture_sim.culture.analysis.shown import shown_of  # loads scipy.stats
        from culture_sim.culture.analysis.summary import summarize
        from culture_sim.culture.analysis.table import SUMMARY, TABLE, counts_of, quiz_table
        from culture_sim.culture.store import open_culture, write_table
        from culture_sim.run.formats import formats_here

        store = open_culture(run.path)
        with Run.lock(run.path):
            models = [run.load_agent(agent) for agent in run.agents]
            with make_accelerator(run.config.train, formats_here(run)).autocast():
                world = run.config.quiz_world
                table = quiz_table(models, world, store, self.seed, self.most, report)
            write_table(store.folder / TABLE, table)
            counts = counts_of(world)
            summary = summarize(table.to_pandas(), counts, store, len(run.agents))
            write_json(store.folder / SUMMARY, summary)
        return Findings(shown_of(summary, counts), f"{store.folder / TABLE}, {SUMMARY}")
