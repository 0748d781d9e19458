"""Find out what a run's culture is: by which rules, how clear, new and hard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from agents.precision import make_accelerator
from culture_sim.commands import commands
from culture_sim.commands.base import FindingCommand, Findings, Report
from culture_sim.culture.analysis.summary import MEASURES, summarize
from culture_sim.culture.analysis.table import GROUPS, SUMMARY, TABLE, counts_of, quiz_table
from culture_sim.culture.store import open_culture, write_table
from culture_sim.run.formats import formats_here
from culture_sim.run.run import Run
from world.core.errors import COUNT, require
from world.core.files import write_json
from world.core.rules import ExplainedBy

"""What is written, in the folder of the culture."""


RIVALS = {
    "contested": "another is about as likely to agents",
    "same_rival": "several give the same other one",
    "other_by_rule": "a rule gives another",
}
"""What speaks for another answer, as it is shown."""


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
        measured = _measured(summary, (*MEASURES, *counts))
        shown = (_explained(summary), measured, _dissent(summary["dissent"]))
        return Findings(shown, f"{store.folder / TABLE}, {SUMMARY}")


def _explained(summary: dict[str, Any]) -> Table:
    table = Table("quizzes", *GROUPS, title="How they are explained", title_justify="left")
    groups = [summary["groups"][name] for name in GROUPS]
    table.add_row("looked at", *(f"{group['quizzes']:,}" for group in groups))
    for kind in ExplainedBy:
        table.add_row(kind.value, *(_share(group["explained"][kind.value]) for group in groups))
    for name, what in RIVALS.items():
        table.add_row(what, *(_share(group[name]) for group in groups))
    return table


def _measured(summary: dict[str, Any], measures: Sequence[str]) -> Table:
    table = Table("mean", *GROUPS, title="How new and how hard they are", title_justify="left")
    groups = [summary["groups"][name] for name in GROUPS]
    for name in measures:
        table.add_row(name.replace("_", " "), *(_mean(group[name]) for group in groups))
    return table


def _share(share: dict[str, float] | None) -> str:
    if share is None:
        return "-"
    return f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})"


def _mean(mean: dict[str, float] | None) -> str:
    if mean is None:
        return "-"
    return f"{mean['value']:.2f} ({mean['low']:.2f} to {mean['high']:.2f})"


def _dissent(dissent: dict[str, Any]) -> str:
    """The tests in one sentence."""
    if not dissent["quizzes"]:
        return "No kept quiz has a single dissenter."
    by_agent = [sum(column) for column in zip(*dissent["matrix"], strict=True)]
    tests = [
        f"{name}: p = {p:.2g}" if p is not None else f"{name}: too few quizzes to test"
        for name, p in (
            ("all alike", dissent["uniform"]["p"]),
            ("whoever proposed", dissent["association"]["p"]),
        )
    ]
    return (
        f"Dissenters, by agent: {', '.join(map(str, by_agent))}; {dissent['own']} on their own "
        f"quizzes. On those of others, {'; '.join(tests)}."
    )
