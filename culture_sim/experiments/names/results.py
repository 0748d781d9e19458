"""What the agents come to: the table, the verdicts and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agents.circuits.statistics import Interval
from culture_sim.experiments.findings import Findings, row, share, tidy
from culture_sim.experiments.names import Names
from culture_sim.experiments.names.agent import Agent, Examined, read_agent
from culture_sim.experiments.names.circuit import Measured
from culture_sim.experiments.names.claims import CLAIMS, Judgement
from culture_sim.experiments.names.dissected import Dissected, read_dissected
from culture_sim.experiments.names.heads import KINDS
from culture_sim.experiments.units import Place

SETTINGS = {
    "rung": "int64",
    "layers": "int64",
    "seed": "int64",
    "part": "string",
    "change": "string",
    "answer": "string",
}
"""Columns of this experiment. part: the head or other part that a figure is of. change: of the
sentence, that an effect is of. answer: to a claim. The last three are "" where they mean
nothing."""


@dataclass(frozen=True)
class Made:
    """An agent and what it left; of one that learned, also what is inside and what is true of it,
    by claim."""

    agent: Agent
    examined: Examined
    measured: Measured | None
    judged: dict[str, Judgement]

    @property
    def layers(self) -> int:
        """Blocks of its network."""
        return self.agent.model.n_layers

    def has(self, kind: str) -> bool:
        """Whether it has a head of a kind."""
        return self.measured is not None and bool(self.measured.kinds[kind])


@dataclass(frozen=True)
class Found:
    """All that was made, read once."""

    options: Names
    place: Place

    @cached_property
    def units(self) -> dict[Agent, Dissected]:
        """What takes an agent apart, of those that learned."""
        return {unit.agent: unit for unit in self.options.dissected(self.place)}

    @cached_property
    def agents(self) -> list[Made]:
        """All of them, rung by rung."""
        order = sorted(self.options.agents(), key=lambda a: (a.rung, a.model.n_layers, a.seed))
        return [self._read(agent) for agent in order]

    def _read(self, agent: Agent) -> Made:
        examined = read_agent(self.place, agent)
        if agent not in self.units:
            return Made(agent, examined, None, {})
        measured = read_dissected(self.place, self.units[agent])
        judged = {claim.name: claim.judge(measured) for claim in CLAIMS}
        return Made(agent, examined, measured, judged)

    def of(self, rung: int, layers: int | None = None) -> list[Made]:
        """Agents of a rung, and of a depth."""
        return [
            each
            for each in self.agents
            if each.agent.rung == rung and layers in (None, each.layers)
        ]

    @cached_property
    def learned(self) -> list[Made]:
        """Those that were taken apart."""
        return [each for each in self.agents if each.measured is not None]


def find(options: Names, place: Place) -> Findings:
    """All that the units come to."""
    from culture_sim.experiments.names.sections import sections  # loads matplotlib
    from culture_sim.experiments.names.verdicts import judge

    found = Found(options, place)
    rows = [line for each in found.agents for line in _rows(each)]
    return Findings(tidy(rows, SETTINGS), judge(found.agents), sections(found), _summary(found))


def _summary(found: Found) -> dict[str, Any]:
    """By rung and depth: agents, those that learned, those that have heads of a kind; and answers
    to every claim."""
    settings = []
    for rung in found.options.rungs:
        for layers in found.options.layers:
            own = found.of(rung, layers)
            settings.append(
                {
                    "rung": rung,
                    "layers": layers,
                    "agents": len(own),
                    "learned": sum(each.measured is not None for each in own),
                    "parts": {kind: sum(each.has(kind) for each in own) for kind in KINDS},
                    "claims": {
                        claim.name: dict(
                            Counter(e.judged[claim.name].answer for e in own if e.judged)
                        )
                        for claim in CLAIMS
                    },
                }
            )
    return {"settings": settings}


def _rows(made: Made) -> Iterator[dict[str, Any]]:
    agent, examined = made.agent, made.examined
    settings: dict[str, Any] = {
        "unit": agent.name,
        "rung": agent.rung,
        "layers": made.layers,
        "seed": agent.seed,
        **dict.fromkeys(("part", "change", "answer"), ""),
    }
    for quizzes, accuracy in examined.course.items():
        yield row("validation", accuracy, by="quizzes", group=quizzes, **settings)
    for kind, (hits, total) in examined.exam.items():
        if total:
            yield share("accuracy", hits, total, by="kind", group=kind, **settings)
    yield share("known by heart", *examined.by_heart, **settings)
    if made.measured is not None:
        yield from _rows_inside(made.measured, settings)
    for name, judgement in made.judged.items():
        yield row(
            "claim",
            float("nan"),
            by="claim",
            group=name,
            **{**settings, "answer": judgement.answer},
        )


def _rows_inside(measured: Measured, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield _of_interval("difference of logits", measured.difference, settings)
    yield row("io preferred", measured.preferred, **settings)
    for part, numbers in measured.parts.items():
        for name, found in numbers.items():
            yield _of_interval(name, found, {**settings, "part": part})
    for part, scores in measured.scores.items():
        for name, value in scores.items():
            yield row("score", value, by="score", group=name, **{**settings, "part": part})
    for kind, heads in measured.kinds.items():
        for head in heads:
            yield row("kind", 1.0, by="kind", group=kind, **{**settings, "part": head})
    for path, by_change in measured.effects.items():
        for change, found in by_change.items():
            yield _of_interval(
                "effect", found, {**settings, "change": change}, by="path", group=path
            )


def _of_interval(
    measure: str, found: Interval, settings: dict[str, Any], **others: Any
) -> dict[str, Any]:
    return row(measure, found.mean, interval=(found.low, found.high), **others, **settings)


def counted(made: Sequence[Made], kind: str) -> str:
    """How many of the agents that learned have a head of a kind, as in "2 of 3"."""
    learned = [each for each in made if each.measured is not None]
    return f"{sum(each.has(kind) for each in learned)} of {len(learned)}" if learned else "-"
