"""Heads matched across agents, and across the rounds of one: tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from agents.circuits.paths.parts import PartKind
from agents.circuits.profiles import WAYS, Profiles, agreement, match_heads
from agents.circuits.statistics import adjusted, sign_flip_p
from culture_sim.circuits.agents import MARGIN, Heads
from world import Stream

KINDS: tuple[PartKind, ...] = ("head", "mlp")
RATE = 0.05
"""False discovery rate at which an effect counts as changed."""
Tree = dict[str, Any]


def profile_table(
    heads: Mapping[str, Sequence[Heads]], stream: Stream, resamples: int
) -> pd.DataFrame:
    """Every effect of every part with its interval. heads: by when they were measured."""
    tables = []
    for when, agents in heads.items():
        for one in agents:
            rng = stream.with_role(f"profile-{when}-{one.agent}").generator()
            table = _long(one.profiles, rng, resamples)
            table.insert(0, "when", when)
            table.insert(0, "agent", one.agent)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _long(profiles: Profiles, rng: np.random.Generator, resamples: int) -> pd.DataFrame:
    """part, change, way, effect, low, high, where anything is read."""
    mean = profiles.shares()
    low, high = _interval(profiles, rng, resamples)
    part, change, way = np.nonzero(_read(profiles))
    return pd.DataFrame(
        {
            "part": [str(profiles.parts[n]) for n in part],
            "change": [profiles.changes[n] for n in change],
            "way": [WAYS[n] for n in way],
            "effect": mean[part, change, way],
            "low": low[part, change, way],
            "high": high[part, change, way],
        }
    )


def _read(profiles: Profiles) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """bool [P, C, W]: whether a part has readers of a kind."""
    read = (profiles.effects != 0).any(axis=(1, 3), keepdims=True)[..., 0]
    return np.broadcast_to(read, profiles.effects.shape[:3])


def _interval(profiles: Profiles, rng: np.random.Generator, resamples: int) -> Any:
    """Ends of 95 % bootstrap intervals over prompts, float64 [2, P, C, W]."""
    count = len(profiles.metric)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=resamples) / count
    return np.quantile(profiles.weighted(weights), [0.025, 0.975], axis=0)


def matched_table(
    agents: Sequence[Heads], telling: Sequence[str], idle: Sequence[str], stream: Stream
) -> pd.DataFrame:
    """For every head and MLP of an agent, that of every other agent it is matched with."""
    tables = []
    for a, b in combinations(agents, 2):
        for kind in KINDS:
            if not any(part.kind == kind for part in a.profiles.parts):
                continue
            rng = stream.with_role(f"match-{a.agent}-{b.agent}-{kind}").generator()
            tables.append(_matches(a, b, kind, telling, idle, rng))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"agent_a": []})


def _matches(
    a: Heads,
    b: Heads,
    kind: PartKind,
    telling: Sequence[str],
    idle: Sequence[str],
    rng: np.random.Generator,
) -> pd.DataFrame:
    one, other = (of.profiles.of(kind, telling) for of in (a, b))
    found = match_heads(one, other, rng)
    names = [str(part) for part in one.parts]
    others = [str(other.parts[n]) if n >= 0 else "" for n in found.part]
    active_a, active_b = (
        {str(p) for p, on in zip(of.profiles.parts, of.active(idle), strict=True) if on}
        for of in (a, b)
    )
    return pd.DataFrame(
        {
            "agent_a": a.agent,
            "part_a": names,
            "agent_b": b.agent,
            "part_b": others,
            "cosine": found.cosine,
            "size_a": found.size_a,
            "size_b": found.size_b,
            "stable": found.stable,
            "active_a": [name in active_a for name in names],
            "active_b": [name in active_b for name in others],
            "kinds_a": [", ".join(a.kinds.get(name, ())) for name in names],
            "kinds_b": [", ".join(b.kinds.get(name, ())) for name in others],
        }
    )


def agreements(
    agents: Sequence[Heads], telling: Sequence[str], stream: Stream, resamples: int, draws: int
) -> list[Tree]:
    """Of every pair of agents, heads and MLPs apart."""
    found = []
    for a, b in combinations(agents, 2):
        key = {"agent_a": a.agent, "agent_b": b.agent}
        found += _agreements(a, b, key, telling, stream, resamples, draws)
    return found


def _agreements(
    a: Heads,
    b: Heads,
    key: Mapping[str, Any],
    telling: Sequence[str],
    stream: Stream,
    resamples: int,
    draws: int,
) -> list[Tree]:
    found = []
    for kind in KINDS:
        one, other = (of.profiles.of(kind, telling) for of in (a, b))
        if one.parts and other.parts:
            role = "-".join(["agreement", kind, *map(str, key.values())])
            rng = stream.with_role(role).generator()
            of = agreement(one, other, rng, resamples, draws)
            found.append({**key, "part": kind, "null": of.null, **asdict(of)})
    return found


def overall(found: Sequence[Tree]) -> Tree | None:
    """The means over pairs of agents, of heads; and the least and the most of the pairs."""
    heads = [of for of in found if of["part"] == "head"]
    if not heads:
        return None
    values = [of["value"] for of in heads if of["value"] is not None]
    return {
        "pairs": len(heads),
        **{name: _mean([of[name] for of in heads]) for name in ("between", "null", "ceiling")},
        "value": _mean(values),
        "value_least": min(values, default=None),
        "value_most": max(values, default=None),
        "beyond_null": sum(max(of["p"].values()) <= RATE for of in heads),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def over_culture(
    before: Sequence[Heads],
    after: Sequence[Heads],
    prompts_telling: Sequence[str],
    stream: Stream,
    resamples: int,
    draws: int,
) -> tuple[list[Tree], pd.DataFrame]:
    """Every agent against itself before the rounds: how far its heads still do the same, and which
    effects changed, with intervals over prompts."""
    found, tables = [], []
    for old, new in zip(before, after, strict=True):
        key = {"agent": new.agent}
        of = _agreements(old, new, key, prompts_telling, stream, resamples, draws)
        rng = stream.with_role(f"changed-{new.agent}").generator()
        table = _changed(old.profiles, new.profiles, rng, resamples)
        counts = {
            "effects": len(table),
            "changed": int(((table.q <= RATE) & (table.change_of_effect.abs() > MARGIN)).sum()),
            "kinds_before": old.kinds,
            "kinds_after": new.kinds,
        }
        found += [{**one, **(counts if one["part"] == "head" else {})} for one in of]
        table.insert(0, "agent", new.agent)
        tables.append(table)
    return found, pd.concat(tables, ignore_index=True)


def _changed(
    old: Profiles, new: Profiles, rng: np.random.Generator, resamples: int
) -> pd.DataFrame:
    """Effects before and after; p by random signs of the prompts' differences, q over the agent."""
    part, change, way = np.nonzero(_read(old) | _read(new))
    count = len(old.metric)
    apart = (
        new.effects[part, change, way] / new.metric.mean()
        - old.effects[part, change, way] / old.metric.mean()
    ).astype(np.float64)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=resamples) / count
    low, high = np.quantile(apart @ weights.T, [0.025, 0.975], axis=1)
    return pd.DataFrame(
        {
            "part": [str(old.parts[n]) for n in part],
            "change": [old.changes[n] for n in change],
            "way": [WAYS[n] for n in way],
            "before": old.shares()[part, change, way],
            "after": new.shares()[part, change, way],
            "change_of_effect": apart.mean(axis=1),
            "low": low,
            "high": high,
            "q": adjusted(sign_flip_p(apart, rng)),
        }
    )


def of_agents(agents: Sequence[Heads], idle: Sequence[str]) -> list[Tree]:
    """The difference of logits, whether it is positive, the noise and active parts of each."""
    return [
        {
            "agent": one.agent,
            "difference": float(one.profiles.metric.mean()),
            "preferred": float((one.profiles.metric > 0).mean()),
            "noise": one.noise(idle),
            "active": [
                str(p) for p, on in zip(one.profiles.parts, one.active(idle), strict=True) if on
            ],
            "parts": len(one.profiles.parts),
            "kinds": {name: list(of) for name, of in one.kinds.items() if of},
        }
        for one in agents
    ]
