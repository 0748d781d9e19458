"""What the units come to: the table, the verdicts and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from culture_sim.experiments.birds import Birds
from culture_sim.experiments.birds.agent import Agent, state_of
from culture_sim.experiments.birds.claims import Judged, judge, one_bird_alone
from culture_sim.experiments.birds.exam import read_examined
from culture_sim.experiments.birds.inside import PATCHED, PROBED, read_inside
from culture_sim.experiments.birds.rounds import read_accuracy, read_drift
from culture_sim.experiments.findings import COLUMNS, Findings, Verdict, row, tidy
from culture_sim.experiments.units import Place
from culture_sim.run.state import AgentState
from culture_sim.study.results import interval

SETTINGS = {
    "seed": "int64",
    "agent": "int64",
    "round": "int64",
    "arm": "string",
    "quizzes": "string",
    "exam": "string",
    "law": "string",
    "direction": "string",
    "change": "string",
    "site": "string",
    "place": "string",
    "probe": "string",
}
"""Columns of this experiment; -1 or "" where a row is of none in particular."""
NOTHING = {"int64": -1, "string": ""}


@dataclass(frozen=True)
class Found:
    """All that was made, read once."""

    options: Birds
    place: Place

    @property
    def seeds(self) -> range:
        """Of the populations."""
        return range(self.options.seeds)

    @cached_property
    def states(self) -> dict[Agent, AgentState]:
        """How the training of every agent ended."""
        agents = [agent for seed in self.seeds for agent in self.options.population(seed)]
        return {agent: state_of(self.place, agent) for agent in agents}

    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """Before any culture, with no arm, and after the last round of every arm."""
        parts = []
        for seed in self.seeds:
            before = self.options.examined(seed)
            table = read_examined(self.place, before)
            parts.append(table.assign(unit=before.name, seed=seed, round=0))
            for unit in self.options.rounds_of(seed):
                place = {"unit": unit.name, "arm": unit.arm, "round": self.options.rounds}
                parts.append(read_accuracy(self.place, unit).assign(seed=seed, **place))
        return _filled(parts)

    @cached_property
    def drift(self) -> pd.DataFrame:
        """Of every seed, arm and round."""
        units = [unit for seed in self.seeds for unit in self.options.rounds_of(seed)]
        return _filled(
            [
                read_drift(self.place, unit).assign(unit=unit.name, seed=unit.seed, arm=unit.arm)
                for unit in units
            ]
        )

    def _inside(self, name: str) -> pd.DataFrame:
        parts = []
        for unit in (unit for seed in self.seeds for unit in self.options.inside(seed)):
            tables, agent = read_inside(self.place, unit), unit.agent
            if name in tables:
                of = {"unit": unit.name, "seed": agent.seed, "agent": agent.number}
                parts.append(tables[name].assign(**of))
        return _filled(parts)

    @cached_property
    def patched(self) -> pd.DataFrame:
        """Of every agent."""
        return self._inside(PATCHED)

    @cached_property
    def probed(self) -> pd.DataFrame:
        """Of the agents that probes were fitted to."""
        return self._inside(PROBED)

    @cached_property
    def judged(self) -> list[Judged]:
        """The claims about culture."""
        return judge(self.drift, self.options.rounds)


def _filled(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables together, in the columns of results."""
    types = {"unit": "string", **SETTINGS, **COLUMNS}
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    for name in SETTINGS:
        nothing = NOTHING[SETTINGS[name]]
        table[name] = table[name].fillna(nothing) if name in table else nothing
    missing = {name: pd.Series(dtype=kind) for name, kind in types.items() if name not in table}
    return table.assign(**missing)[list(types)].astype(types)


def over_seeds(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """By ``keys``, the mean of seeds, each the mean of its agents: value, and low and high,
    Student's 95 % interval (missing with one seed); support: the least of a seed's rows."""
    rows = []
    for names, some in table.groupby(list(keys), sort=False):
        found = interval(some.groupby("seed")["value"].mean())
        support = int(some["support"].min())
        rows.append({**dict(zip(keys, names, strict=True)), **found, "support": support})
    made = pd.DataFrame(rows, columns=[*keys, "value", "low", "high", "support"])
    return made.astype({"value": "float64", "low": "float64", "high": "float64"})


def find(options: Birds, place: Place) -> Findings:
    """Everything that is told of the experiment."""
    from culture_sim.experiments.birds.sections import sections  # loads matplotlib

    found = Found(options, place)
    rows = _filled([pd.DataFrame(_of_agents(found))])
    parts = [rows, found.accuracy, found.drift, found.patched, found.probed]
    table = tidy(pd.concat(parts).to_dict("records"), {"unit": "string", **SETTINGS})
    return Findings(table, _verdicts(found), sections(found), _summary(found))


def _of_agents(found: Found) -> list[dict[str, Any]]:
    rows = []
    for agent, state in found.states.items():
        of = {"unit": agent.name, "seed": agent.seed, "agent": agent.number, "round": 0}
        test = state.final_test
        if test is not None:
            bounds = (test.low, test.high)
            told = row("final accuracy", test.accuracy, interval=bounds, support=test.total)
            rows.append({**of, **told})
        rows.append({**of, **row("quizzes learned from", state.quizzes)})
    return rows


def _verdicts(found: Found) -> list[Verdict]:
    verdicts = [_gate(found), *(each.verdict() for each in found.judged)]
    return [*verdicts, one_bird_alone(found.patched)] if found.options.patched else verdicts


def _gate(found: Found) -> Verdict:
    """Whether all agents reached the target."""
    target = found.options.target
    reached = [state.reached for state in found.states.values()]
    quizzes = [state.quizzes for state in found.states.values()]
    return Verdict(
        f"every agent answers {target:.1%} of unseen quizzes",
        "Confirmed where every agent passed its stopping test within its budget of quizzes; else "
        "refuted.",
        "confirmed" if all(reached) else "refuted",
        f"{sum(reached)} of {len(reached)} agents, after {min(quizzes):,} to {max(quizzes):,} "
        f"quizzes",
    )


def _summary(found: Found) -> dict[str, Any]:
    return {
        "quizzes": {agent.name: state.quizzes for agent, state in found.states.items()},
        "below target": [agent.name for agent, s in found.states.items() if not s.reached],
        "claims": [
            {
                "claim": each.claim.name,
                "contrast": each.contrast.name,
                "measure": each.claim.measure,
                "answer": each.answer,
                "by_seed": {str(seed): value for seed, value in each.by_seed.items()},
                "value": each.value,
                "low": each.low,
                "high": each.high,
            }
            for each in found.judged
        ],
    }
