"""Which features of a run's agents tell later heads' queries what changes the answer, and whether
agents share these features more than others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.circuits.paths import Network
from culture_sim.circuits.prompts import FlippedPrompts
from culture_sim.features.comparisons import Compared
from culture_sim.run.reporting import Report
from sae.effects.carriers import Carried, carried, contrast, like
from sae.effects.exchange import ALL, QUERIES, Exchange, exchange
from world import Stream

DRAWS = 20
"""Features that fire about as often, drawn for each that carries something."""
Tree = dict[str, Any]


@dataclass(frozen=True)
class Of:
    """An agent's features at the end of the sequences. carried: by who reads them."""

    exchange: Exchange
    carried: Mapping[str, Carried]

    @property
    def carriers(self) -> NDArray[np.int64]:
        """Features that tell queries what changes, the first of them first."""
        found = self.carried[QUERIES]
        return found.order[found.carriers[found.order]]


def carriers_of(
    compared: Compared, prompts: FlippedPrompts, stream: Stream, report: Report
) -> dict[int, Of]:
    """By agent, what its features carry from the end of the sequences to what comes after."""
    found = {}
    for number, model in compared.agents.items():
        report(f"agent {number}: features that carry the answer")
        network = Network(model.to_transformer_lens())
        base = network.read(prompts.base)
        changed = network.read(prompts.changed[prompts.roles.telling])
        site, sae = compared.dictionary.site, compared.saes[number]
        exchanged = exchange(
            network, base, changed, site, sae, prompts.roles.end, prompts.metric_of
        )
        metric = float(prompts.metric(base.logits).mean())
        of = {}
        for readers in (QUERIES, ALL):
            rng = stream.with_role(f"carriers-{number}-{readers}").generator()
            of[readers] = carried(exchanged, readers, metric, rng)
        found[number] = Of(exchanged, of)
    return found


def feature_table(compared: Compared, found: Mapping[int, Of]) -> pd.DataFrame:
    """Every feature whose activation changes: what it carries, how often it fires, its family."""
    shared = _agents_of(compared)
    tables = []
    for agent, of in found.items():
        queries, everything = of.carried[QUERIES], of.carried[ALL]
        order = queries.order
        tables.append(
            pd.DataFrame(
                {
                    "agent": agent,
                    "feature": order,
                    "rank": np.arange(1, len(order) + 1),
                    "fires": of.exchange.fires[order],
                    "queries": queries.share[order],
                    "queries_low": queries.low[order],
                    "queries_high": queries.high[order],
                    "where_it_changes": queries.local[order],
                    "all": everything.share[order],
                    "all_low": everything.low[order],
                    "all_high": everything.high[order],
                    "carrier": queries.carriers[order],
                    "agents": [shared.get((agent, int(f)), 1) for f in order],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _agents_of(compared: Compared) -> dict[tuple[int, int], int]:
    """By agent and feature in a family, how many agents share it."""
    return {
        (agent, feature): len(family)
        for family in compared.members
        for agent, feature in family.items()
    }


def feature_figures(compared: Compared, found: Mapping[int, Of], stream: Stream) -> Tree:
    """What is told and how much of it the first features carry, by agent; and three contrasts of
    carriers with features that fire about as often: in any family, in one of all agents, and, of
    those matched with a feature of another agent, with one that is a carrier, too."""
    return {
        "site": compared.dictionary.site,
        "dictionary": compared.dictionary.name,
        "agents": [_of_agent(agent, of) for agent, of in found.items()],
        "shared": _shared(compared, found, stream),
    }


def _of_agent(agent: int, of: Of) -> Tree:
    tree: Tree = {"agent": agent, "carriers": of.carriers.tolist()}
    for readers, one in of.carried.items():
        tree[readers] = {
            "whole": one.whole,
            "interval": one.interval,
            "told": one.told,
            "left_out": one.left_out,
            "changing": len(one.order),
            "top": [asdict(top) for top in one.top],
        }
    return tree


def _shared(compared: Compared, found: Mapping[int, Of], stream: Stream) -> list[Tree]:
    rng = stream.with_role("shared").generator()
    others = {
        agent: [
            [int(f) for f in like(of.carriers, of.exchange.fires, of.carriers, rng)]
            for _ in range(DRAWS)
        ]
        for agent, of in found.items()
    }
    agents_of, everyone = _agents_of(compared), len(compared.agents)
    asked: dict[str, Callable[[int, int], float | None]] = {
        "in a family": lambda a, f: float((a, f) in agents_of),
        "in a family of all agents": lambda a, f: float(agents_of.get((a, f), 1) == everyone),
        "matched with a carrier": lambda a, f: _matched_carriers(compared, found, a, f),
    }
    return [
        {"what": what, **asdict(contrast(*_pairs(found, others, true), rng))}
        for what, true in asked.items()
    ]


def _pairs(
    found: Mapping[int, Of],
    others: Mapping[int, Sequence[Sequence[int]]],
    true: Callable[[int, int], float | None],
) -> tuple[list[float], list[float]]:
    """Of every carrier for which it can be said, and the mean of the features drawn like it."""
    own, drawn = [], []
    for agent, of in found.items():
        for place, feature in enumerate(of.carriers):
            value = true(agent, int(feature))
            like_it = [true(agent, some[place]) for some in others[agent] if place < len(some)]
            known = [v for v in like_it if v is not None]
            if value is not None and known:
                own.append(value)
                drawn.append(float(np.mean(known)))
    return own, drawn


def _matched_carriers(
    compared: Compared, found: Mapping[int, Of], agent: int, feature: int
) -> float | None:
    """Of the mutual best matches of a feature, the share that are carriers; None without one."""
    matches = [
        (other, int(links.match[feature]))
        for (one, other), links in compared.links.items()
        if one == agent and links.match[feature] >= 0
    ]
    if not matches:
        return None
    return float(np.mean([match in found[other].carriers for other, match in matches]))
