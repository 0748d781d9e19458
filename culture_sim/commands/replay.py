"""Judge the stored votes of a run again, by its rule or another; runs no model."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from culture_sim.commands import commands
from culture_sim.commands.base import RunCommand
from culture_sim.culture.figures import read_summary
from culture_sim.culture.records import array_of
from culture_sim.culture.rules import Rule
from culture_sim.culture.store import CultureStore, open_culture
from culture_sim.culture.votes import Decision, VoteTable
from world.core.errors import ERROR_PREFIX
from world.core.files import write_json
from world.core.options import from_tree, to_tree


@commands.register("replay")
@dataclass(frozen=True, kw_only=True)
class Replay(RunCommand):
    """Judge the stored votes of a run's culture rounds again, without running a model."""

    resumes: ClassVar[bool] = False

    run: str = "compact"
    """The run whose rounds to judge."""
    rule: Rule | None = None
    """Consensus rule to judge by; by default the one that each round was made with."""
    round: int | None = None
    """Only this round; by default all that are stored."""
    out: Path | None = None
    """Write every decision into this file, as JSON."""

    def execute(self, console: Console) -> int:
        """Judge and show; 1 when a round's own rule decides otherwise than what is stored."""
        store = open_culture(self.open_run().path)
        numbers = store.rounds() if self.round is None else [self.round]
        replays = [_replayed(store, number, self.rule) for number in numbers]
        if self.out is not None:
            write_json(self.out, replays)
        console.print(_table(replays))
        for replay in replays:
            console.print(_reasons(replay), highlight=False)
        others = [str(replay["round"]) for replay in replays if replay["same"] is False]
        if self.rule is not None or not others:
            return 0
        message = f"the rule of round {', '.join(others)} does not decide as is stored"
        print(f"{ERROR_PREFIX}{message}", file=sys.stderr)
        return 1


def _replayed(store: CultureStore, number: int, rule: Rule | None) -> dict[str, Any]:
    """One round's decisions beside the stored ones; by its own rule where none is given."""
    table = store.table(number)
    figures = read_summary(store, number)
    config, imported = figures["culture"], "imported" in figures
    rule = rule or from_tree(Rule, config["rule"], "culture.rule")
    stored = store.decision(number)
    # A rule that chooses among quizzes chose among those of one shard.
    size = 1 if imported else config["batch_size"] * config["shard_batches"]
    shard = array_of(table, "index") // size
    decided = _by_shard(rule, store.votes(number), shard)
    return {
        "round": number,
        "rule": to_tree(rule),
        "voted": len(decided),
        "kept": int(decided.keep.sum()),
        "stored": int(stored.keep.sum()),
        "both": int((decided.keep & stored.keep).sum()),
        # Elsewhere it was decided on other votes.
        "same": None if imported else _same(decided, stored),
        "by_reason": dict(Counter(decided.reason).most_common()),
        "hash": table["hash"].to_pylist(),
        "keep": decided.keep.tolist(),
        "dissenter": decided.dissenter.tolist(),
        "reason": decided.reason,
    }


def _by_shard(rule: Rule, votes: VoteTable, shard: NDArray[np.int64]) -> Decision:
    """What a rule decides of each shard by itself; shard: int64 [B], ascending."""
    parts = [rule(votes[shard == number]) for number in np.unique(shard)]
    if not parts:
        return rule(votes)
    return Decision(
        np.concatenate([part.keep for part in parts]),
        np.concatenate([part.dissenter for part in parts]),
        [reason for part in parts for reason in part.reason],
    )


def _same(one: Decision, other: Decision) -> bool:
    return (
        np.array_equal(one.keep, other.keep)
        and np.array_equal(one.dissenter, other.dissenter)
        and one.reason == other.reason
    )


def _table(replays: list[dict[str, Any]]) -> Table:
    """What a person wants to know of each round."""
    table = Table("round", "voted", "kept", "stored", "in both", "decisions")
    for replay in replays:
        counts = [f"{replay[key]:,}" for key in ("voted", "kept", "stored", "both")]
        same = {True: "as stored", False: "others", None: "made elsewhere"}[replay["same"]]
        table.add_row(str(replay["round"]), *counts, same)
    return table


def _reasons(replay: dict[str, Any]) -> str:
    """A round's rule, and what became of its quizzes."""
    rule = dict(replay["rule"])
    name = rule.pop("name")
    options = "".join(f" {key} {value}" for key, value in rule.items())
    reasons = ", ".join(f"{count:,} {text}" for text, count in replay["by_reason"].items())
    return f"round {replay['round']}, {name}{options}: {reasons}"
