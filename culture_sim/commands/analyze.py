"""The command ``culture-sim analyze``: what the quizzes of a run's culture are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table

from agents.precision import make_accelerator
from culture_sim.commands.parsing import one_line_errors
from culture_sim.culture.analysis.summary import MEASURES, summarize
from culture_sim.culture.analysis.table import GROUPS, quiz_table
from culture_sim.culture.store import CultureStore, open_culture, write_table
from culture_sim.run.run import Run
from world.core.errors import COUNT, require
from world.core.files import write_json
from world.core.rules import ExplainedBy

TABLE, SUMMARY = "analysis.parquet", "analysis.json"
"""What is written, in the folder of the culture."""


RIVALS = {
    "contested": "another is about as likely to agents",
    "same_rival": "several give the same other one",
    "other_by_rule": "a rule gives another",
}
"""What speaks for another answer, as it is shown."""


@dataclass(frozen=True)
class Analyze:
    """Find out what the quizzes of a run's culture are: by which rules, how clear, new and hard."""

    run: str = "compact"
    """The run whose culture to look at."""
    runs: Path = Path("runs")
    """Folder that holds runs."""
    most: int = 500
    """Quizzes of each round to look at, at most, drawn by chance; as many that were not kept."""
    seed: int = 0
    """Which ones, and what agents sample."""

    def __post_init__(self) -> None:
        require(self, "analyze", COUNT, "most")


def analyze(arguments: Sequence[str]) -> int:
    """The command; returns the exit code."""
    with one_line_errors():
        given = tyro.cli(Analyze, args=arguments, prog="culture-sim analyze")
    run = Run.open(given.runs / given.run)
    store = open_culture(run.path)
    console = Console()
    with Run.lock(run.path), console.status("") as status:
        found = _found(run, store, given, status.update)
    for shown in (_explained(found), _measured(found)):
        console.print(shown)
    console.print(_dissent(found["dissent"]), highlight=False)
    console.print(f"written: {store.folder / TABLE}, {SUMMARY}", soft_wrap=True, highlight=False)
    return 0


def _found(
    run: Run, store: CultureStore, given: Analyze, say: Callable[[str], None]
) -> dict[str, Any]:
    """Every figure; writes the table and the figures."""
    models = [run.load_agent(agent) for agent in run.agents]
    with make_accelerator(run.config.train).autocast():
        table = quiz_table(models, run.config.world, store, given.seed, given.most, say)
    write_table(store.folder / TABLE, table)
    found = summarize(table.to_pandas(), store, len(run.agents))
    write_json(store.folder / SUMMARY, found)
    return found


def _explained(found: dict[str, Any]) -> Table:
    table = Table("quizzes", *GROUPS, title="How they are explained", title_justify="left")
    groups = [found["groups"][name] for name in GROUPS]
    table.add_row("looked at", *(f"{group['quizzes']:,}" for group in groups))
    for kind in ExplainedBy:
        table.add_row(kind.value, *(_share(group["explained"][kind.value]) for group in groups))
    for name, what in RIVALS.items():
        table.add_row(what, *(_share(group[name]) for group in groups))
    return table


def _measured(found: dict[str, Any]) -> Table:
    table = Table("mean", *GROUPS, title="How new and how hard they are", title_justify="left")
    groups = [found["groups"][name] for name in GROUPS]
    for name in MEASURES:
        if any(name in group for group in groups):
            table.add_row(name.replace("_", " "), *(_mean(group.get(name)) for group in groups))
    return table


def _share(share: dict[str, float] | None) -> str:
    if share is None:
        return "-"
    return f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%})"


def _mean(mean: dict[str, float] | None) -> str:
    if mean is None:
        return "-"
    return f"{mean['value']:.2f} ({mean['low']:.2f} to {mean['high']:.2f})"


def _dissent(found: dict[str, Any]) -> str:
    """The tests in one sentence."""
    if not found["quizzes"]:
        return "No kept quiz has a single dissenter."
    by_agent = [sum(column) for column in zip(*found["matrix"], strict=True)]
    tests = [
        f"{name}: p = {p:.2g}" if p is not None else f"{name}: too few quizzes to test"
        for name, p in (
            ("all alike", found["uniform"]["p"]),
            ("whoever proposed", found["association"]["p"]),
        )
    ]
    return (
        f"Dissenters, by agent: {', '.join(map(str, by_agent))}; {found['own']} on their own "
        f"quizzes. On those of others, {'; '.join(tests)}."
    )
