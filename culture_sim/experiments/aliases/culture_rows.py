"""What populations told, as figures by round and as rows of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from culture_sim.experiments.aliases.apart import OTHERS
from culture_sim.experiments.aliases.member import Member
from culture_sim.experiments.aliases.rounds import KINDS, Rounds
from culture_sim.experiments.findings import row, share
from world.aliases.options import NUMBERS, TASKS

POOLED_ARM = "pooled"

Told = Mapping[str, Any]
"""What was told of a round, as ``rounds.Rounds`` does."""


def accuracy(told: Told, kind: str = OTHERS) -> float:
    """Of a population after a round: share of cells of a kind that are answered, all agents
    together; NaN where none is asked."""
    return _ratio(*_added(agent[kind] for agent in told["answers"]))


def right_of(rounds: Sequence[Told], name: str, kinds: Sequence[str] = KINDS) -> float:
    """Share of right ones among rows that were "voted" on, or "kept", in all rounds together."""
    total, right = _added(told["rows"][kind][name] for told in rounds[1:] for kind in kinds)
    return _ratio(right, total)


def taken_up(rounds: Sequence[Told], name: str) -> tuple[int, int]:
    """Of "right" or "wrong" rows, answers that agents took up and those that they could, in all
    rounds together."""
    hits, total = _added(told["taken up"][name] for told in rounds[1:])
    return hits, total


def _added(counts: Any) -> tuple[int, int]:
    """Sums of pairs."""
    one, other = np.sum([(0, 0), *counts], axis=0).tolist()
    return one, other


def _ratio(hits: int, total: int) -> float:
    return hits / total if total else float("nan")


def of_culture(
    populations: Mapping[Rounds, Sequence[Told]], pooled: Mapping[Member, Mapping[str, list[int]]]
) -> Iterator[dict[str, Any]]:
    """Rows of the table."""
    for unit, rounds in populations.items():
        for told in rounds:
            here = _settings(unit.members[0], unit.name, unit.arm, told["round"])
            for number, answers in enumerate(told["answers"]):
                yield from _answers(answers, f", agent {number}", here)
            yield from _of_round(told, here)
    for member, answers in pooled.items():
        yield from _answers(answers, "", _settings(member, member.name, POOLED_ARM, -1))


def _settings(member: Member, unit: str, arm: str, number: int) -> dict[str, Any]:
    return {
        "unit": unit,
        "arm": arm,
        "share": member.allotment.missing,
        "seed": member.seed,
        "table": TASKS[NUMBERS],
        "step": -1,
        "round": number,
    }


def _answers(
    answers: Mapping[str, list[int]], whose: str, here: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for kind, (hits, total) in answers.items():
        if total:
            by = "cells and agent" if whose else "cells"
            yield share("accuracy", hits, total, by=by, group=kind + whose, **here)


def _of_round(told: Told, here: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind, figures in told.get("rows", {}).items():
        of = {"by": "rows", "group": kind, **here}
        for name in ("voted", "kept"):
            total, right = figures[name]
            if total:
                yield share(f"right of {name}", right, total, **of)
        voted, kept = figures["voted"][0], figures["kept"][0]
        if voted:
            yield share("kept", kept, voted, **of)
            yield row("kept if votes were independent", figures["independent"], **of)
    for name, (hits, total) in told.get("taken up", {}).items():
        if total:
            yield share("taken up", hits, total, by="rows that are", group=name, **here)
