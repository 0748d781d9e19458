"""What the agents come to: the table, the verdicts and the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from culture_sim.experiments.aliases import LEARNED, Aliases
from culture_sim.experiments.aliases.agent import Agent, accuracy, read_curve
from culture_sim.experiments.aliases.arms import ALONE
from culture_sim.experiments.aliases.culture_rows import of_culture
from culture_sim.experiments.aliases.features import (
    BY_LINK,
    PAIRINGS,
    Features,
    read_features,
)
from culture_sim.experiments.aliases.member import Member, read_answers
from culture_sim.experiments.aliases.rounds import Rounds, read_rounds
from culture_sim.experiments.findings import Findings, row, share, tidy
from culture_sim.experiments.units import Place
from world.aliases.options import TASKS

SETTINGS = {
    "arm": "string",
    "share": "float64",
    "seed": "int64",
    "table": "string",
    "step": "int64",
    "round": "int64",
}
"""Columns of this experiment. arm: of culture, of a population; "pooled" of the agent beside it.
share: held out, or missing. table: of whose cells a figure is, "" where it is of none. step: -1
where it is of the whole course, or of a round. round: of culture; -1 where it is of none."""
NEVER = "never"


@dataclass(frozen=True)
class Found:
    """All that was made, read once."""

    options: Aliases
    place: Place

    @cached_property
    def compared(self) -> tuple[float, ...]:
        """Shares at which there are all arms."""
        return self.options.looked_at(self.place)

    @cached_property
    def curves(self) -> dict[Agent, list[dict[str, Any]]]:
        """What every agent answered as it learned."""
        others = [arm for arm in self.options.arms if arm != ALONE]
        agents = self.options.alone() + [
            agent
            for arm in others
            for share in self.compared
            for agent in self.options.of_seeds(arm, share)
        ]
        return {agent: read_curve(self.place, agent) for agent in agents}

    @cached_property
    def features(self) -> dict[Features, dict[str, Any]]:
        """What autoencoders found."""
        units = self.options.features(self.compared)
        return {unit: read_features(self.place, unit) for unit in units}

    @cached_property
    def populations(self) -> dict[Rounds, list[dict[str, Any]]]:
        """What populations told, by round, 0 first."""
        seeds = range(self.options.culture_seeds)
        units = [unit for seed in seeds for unit in self.options.rounds_of(seed)]
        return {unit: read_rounds(self.place, unit) for unit in units}

    @cached_property
    def pooled(self) -> dict[Member, dict[str, list[int]]]:
        """What is answered by agents that train on all that any of a population does."""
        units = [self.options.members(seed)[-1] for seed in range(self.options.culture_seeds)]
        return {unit: read_answers(self.place, unit) for unit in units}

    def alike(
        self,
        arm: str,
        share: float,
        pairing: str = BY_LINK,
        *,
        where: str,
        figure: str = "correlation",
    ) -> np.ndarray:
        """float64 [seeds]: a figure of ``features.alike``; NaN where features have none."""
        found = [
            each["alike"][where].get(pairing, {}).get(figure, float("nan"))
            for unit, each in self.features.items()
            if (unit.agent.arm, unit.agent.world.held_out[0]) == (arm, share)
        ]
        return np.array(found or [float("nan")] * self.options.seeds)

    def of(self, arm: str, share: float) -> list[list[dict[str, Any]]]:
        """Curves by seed."""
        return [self.curves[agent] for agent in self.options.of_seeds(arm, share)]

    def final(self, arm: str, share: float, evidence: Sequence[str] = ()) -> np.ndarray:
        """float64 [seeds]: accuracy on held-out numbers in the end."""
        return np.array([accuracy(curve[-1], evidence) for curve in self.of(arm, share)])

    def inside(self, arm: str, share: float, *keys: str) -> np.ndarray:
        """float64 [seeds]: a figure that ``look_inside`` gave in the end; a pair of counts is a
        share, NaN where nothing was asked."""
        return np.array([_figure(curve[-1], keys) for curve in self.of(arm, share)])

    def learned(self, arm: str, share: float) -> list[int | None]:
        """By seed, the step at which the table of numbers was learned; None for never."""
        return [steps_to(curve) for curve in self.of(arm, share)]


def _figure(point: Mapping[str, Any], keys: Sequence[str]) -> float:
    found: Any = point
    for key in keys:
        found = found[key]
    if isinstance(found, list):
        hits, total = found
        return hits / total if total else float("nan")
    return float(found)


def steps_to(curve: Sequence[Mapping[str, Any]]) -> int | None:
    """The first step at which held-out numbers are answered; None where they never are."""
    return next((point["steps"] for point in curve if accuracy(point) >= LEARNED), None)


def find(options: Aliases, place: Place) -> Findings:
    """All that the units come to."""
    from culture_sim.experiments.aliases.claims import judge
    from culture_sim.experiments.aliases.claims_culture import judge_culture
    from culture_sim.experiments.aliases.sections import sections

    found = Found(options, place)
    rows = [line for agent, curve in found.curves.items() for line in _rows(agent, curve)]
    rows += [line for unit, of in found.features.items() for line in _of_features(unit, of)]
    rows += of_culture(found.populations, found.pooled)
    summary = {
        "compared": list(found.compared),
        "learned": [
            {"arm": arm, "share": share, "steps": found.learned(arm, share)}
            for arm in options.arms
            for share in (options.shares if arm == ALONE else found.compared)
        ],
    }
    verdicts = [*judge(found), *judge_culture(found.populations)]
    return Findings(tidy(rows, SETTINGS), verdicts, sections(found), summary)


def _rows(agent: Agent, curve: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    settings = _settings(agent, agent.name)
    numbers = TASKS[0]
    steps = steps_to(curve)
    yield row(
        "steps to learn", float("nan") if steps is None else steps,
        table=numbers, step=-1, support=curve[-1]["steps"], **settings,
    )  # fmt: skip
    for point in curve:
        here = {**settings, "step": point["steps"]}
        yield row("trained on", point["trained"], table="", **here)
        for table, counts in point["held out"].items():
            for evidence, (hits, total) in counts.items():
                if total:
                    yield share(
                        "accuracy", hits, total, by="evidence", group=evidence, table=table, **here
                    )
        for pairs, cosine in point["alignment"].items():
            yield row("alignment", cosine, by="pairs", group=pairs, table="", **here)
        yield from _of_inside(point, here)


def _settings(agent: Agent, unit: str) -> dict[str, Any]:
    share = agent.world.held_out[0]
    return {"unit": unit, "arm": agent.arm, "share": share, "seed": agent.seed, "round": -1}


def _of_features(unit: Features, found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    settings = {**_settings(unit.agent, unit.name), "table": "", "step": -1}
    explained = found["quality"]["explained_variance"]
    yield row("features, explained variance", explained, **settings)
    for where, figures in found["alike"].items():
        live = figures["live"]
        if not live:
            continue
        yield share("features of both", figures["both"], live, by="where", group=where, **settings)
        for pairing in PAIRINGS:
            for name, value in figures[pairing].items():
                yield row(
                    f"features, {name}", value, by="where and pairing", group=f"{where}, {pairing}",
                    support=live, **settings,
                )  # fmt: skip


def _of_inside(point: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for of, figures in point["waves"].items():
        for held, value in figures.items():
            measure = "wave share" if held == "share" else f"loss, {held}"
            yield row(measure, value, by="waves of", group=of, table=TASKS[0], **here)
    for site, stands in point["exchanged"].items():
        for name, (hits, total) in stands.items():
            if total:
                group = f"{name}, {site}"
                yield share(
                    "same answer", hits, total, by="x is", group=group, table=TASKS[0], **here
                )
