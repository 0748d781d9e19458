"""Stored votes judged again, by the rule that judged them or by another: no model runs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from culture_sim.commands.parsing import one_line_errors
from culture_sim.culture.records import array_of
from culture_sim.culture.round import read_summary
from culture_sim.culture.rules import Rule
from culture_sim.culture.store import CultureStore, open_culture
from culture_sim.culture.votes import Decision, VoteTable
from culture_sim.launch.processes import ERROR_PREFIX
from culture_sim.run.run import Run
from world.core.files import write_json
from world.core.options import from_tree, to_tree


@dataclass(frozen=True)
class Replay:
    """Judge the stored votes of a run's culture rounds again, without running a model."""

    run: str = "compact"
    """The run whose rounds to judge."""
    runs: Path = Path("runs")
    """Folder that holds runs."""
    rule: Rule | None = None
    """Consensus rule to judge by; by default the one that each round was made with."""
    round: int | None = None
    """Only this round; by default all that are stored."""
    out: Path | None = None
    """Write every decision into this file, as JSON."""


def replay(arguments: Sequence[str]) -> int:
    """The command ``culture-sim replay``; returns the exit code.

    1: a round's own rule decides otherwise than what is stored.
    """
    with one_line_errors():
        given = tyro.cli(Replay, args=arguments, prog="culture-sim replay")
    run = Run.open(given.runs / given.run)
    store = open_culture(run.path)
    rounds = store.rounds() if given.round is None else [given.round]
    found = [_replayed(store, number, given) for number in rounds]
    if given.out is not None:
        write_json(given.out, found)
    console = Console()
    console.print(_table(found))
    for seen in found:
        console.print(_reasons(seen), highlight=False)
    others = [str(seen["round"]) for seen in found if not seen["same"]]
    if given.rule is None and others:
        print(
            f"{ERROR_PREFIX}the rule of round {', '.join(others)} does not decide as is stored",
            file=sys.stderr,
        )
        return 1
    return 0


def _replayed(store: CultureStore, number: int, given: Replay) -> dict[str, Any]:
    """One round's decisions beside the stored ones."""
    table = store.table(number)
    made = read_summary(store, number)["culture"]
    rule = given.rule or from_tree(Rule, made["rule"], "culture.rule")
    stored = store.decision(number)
    # A rule that chooses among quizzes chose among those of one wave.
    wave = array_of(table, "index") // (made["block_size"] * made["wave_blocks"])
    decided = _by_wave(rule, store.votes(number), wave)
    return {
        "round": number,
        "rule": to_tree(rule),
        "voted": len(decided),
        "kept": int(decided.keep.sum()),
        "stored": int(stored.keep.sum()),
        "both": int((decided.keep & stored.keep).sum()),
        "same": _same(decided, stored),
        "by_reason": dict(Counter(decided.reason).most_common()),
        "hash": table["hash"].to_pylist(),
        "keep": decided.keep.tolist(),
        "dissenter": decided.dissenter.tolist(),
        "reason": decided.reason,
    }


def _by_wave(rule: Rule, votes: VoteTable, wave: NDArray[np.int64]) -> Decision:
    """What a rule decides of each wave by itself; wave: int64 [B], ascending."""
    parts = [rule(votes[wave == number]) for number in np.unique(wave)]
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


def _table(found: list[dict[str, Any]]) -> Table:
    """What a person wants to know of each round."""
    made = Table("round", "voted", "kept", "stored", "in both", "decisions")
    for seen in found:
        counts = [f"{seen[key]:,}" for key in ("voted", "kept", "stored", "both")]
        same = "as stored" if seen["same"] else "others"
        made.add_row(str(seen["round"]), *counts, same)
    return made


def _reasons(seen: dict[str, Any]) -> str:
    """A round's rule, and what became of its quizzes."""
    rule = dict(seen["rule"])
    name = rule.pop("name")
    options = "".join(f" {key} {value:g}" for key, value in rule.items())
    reasons = ", ".join(f"{count:,} {text}" for text, count in seen["by_reason"].items())
    return f"round {seen['round']}, {name}{options}: {reasons}"
