"""Do matched features do the same thing? The correlation of their effects over kinds of quizzes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.effects.matched import Matched, nearest_in_frequency, nearest_in_profile
from sae.effects.scaling import FLOOR, Effects
from sae.statistics.cluster_bootstrap import over_groups
from world import Stream
from world.core.errors import UserError

CONTROLS = ("second", "frequency", "profile")
"""What a match is held against, as in the columns r_NAME."""


@dataclass(frozen=True)
class AgentEffects:
    """The ablation of all features of an agent, and where they fire.

    selection, evaluation: effects on the quizzes of each split. profiles: from firing_profiles.
    """

    selection: Effects
    evaluation: Effects
    profiles: NDArray[np.float64]


def fingerprint_agreement(
    agents: Mapping[int, AgentEffects],
    pairs: Sequence[Matched],
    count: int = 5,
    floor: float = FLOOR,
) -> pd.DataFrame:
    """One row per pair, in their order. count: features in "frequency" and in "profile".

    Only consequential features take part (more than ``floor`` nats per answer token, on the
    selection split), matches and controls alike: the fingerprint of a feature that does nothing is
    noise. Figures of pairs with others are missing.

    Columns: those of Matched; r_match, Pearson's r over groups of task and layout between the
    fingerprints of the feature and of its match; r_second, of the second-best match in its place;
    r_frequency and r_profile, mean over the features nearest to the match in firing frequency,
    and in the tasks and layouts they fire in; r_self, between the feature's own fingerprints
    on the two splits: how much of a fingerprint is not due to the quizzes drawn. It is no bound
    on r_match, which is on the same quizzes for both features.
    """
    groups = _common_groups(agents.values())
    prints = {n: _standardised(a.evaluation.fingerprints(groups)) for n, a in agents.items()}
    selection = {n: _standardised(a.selection.fingerprints(groups)) for n, a in agents.items()}
    known = {n: np.flatnonzero(a.selection.consequential(floor)) for n, a in agents.items()}
    records = []
    for pair in pairs:
        record = asdict(pair)
        among = known[pair.other]
        if pair.feature in known[pair.agent] and pair.match in among:
            fingerprint, others = prints[pair.agent][pair.feature], prints[pair.other]
            for name, held in _held_against(agents[pair.other].profiles, pair, among, count):
                record[f"r_{name}"] = _mean(others[held] @ fingerprint)
            record["r_self"] = float(selection[pair.agent][pair.feature] @ fingerprint)
        records.append(record)
    figures = [f"r_{name}" for name in ("match", *CONTROLS, "self")]
    return pd.DataFrame(records, columns=[*(f.name for f in fields(Matched)), *figures])


def _common_groups(agents: Iterable[AgentEffects]) -> list[tuple[int, int]]:
    """The groups of task and layout that have quizzes in both splits; UserError if none has."""
    groups = [set(e.quizzes.groups()) for a in agents for e in (a.selection, a.evaluation)]
    common = sorted(set.intersection(*groups))
    if not common:
        raise UserError("no task has quizzes in both halves: more quizzes are needed")
    return common


def _held_against(
    profiles: NDArray[np.float64], pair: Matched, among: NDArray[np.int64], count: int
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """(name, features of the match's agent): the match, and its controls."""
    yield "match", np.array([pair.match])
    yield "second", among[among == pair.second]
    yield "frequency", nearest_in_frequency(profiles, pair, among, count)
    yield "profile", nearest_in_profile(profiles, pair, among, count)


def agreement_summary(table: pd.DataFrame, stream: Stream, resamples: int = 1000) -> pd.DataFrame:
    """One row per figure: "match", each control, "self", and "match - CONTROL", paired.

    Columns: figure; value (mean over pairs that have it), low and high (95 % percentile bootstrap
    over features: groups of pairs are drawn, the quizzes and agents stay), pairs, groups.
    """
    figures = {name: table[f"r_{name}"] for name in ("match", *CONTROLS, "self")}
    figures |= {f"match - {name}": table.r_match - table[f"r_{name}"] for name in CONTROLS}
    group = table.group.to_numpy(int)
    return pd.DataFrame(
        {"figure": name}
        | asdict(over_groups(r.to_numpy(float), group, np.mean, resamples, stream.generator()))
        for name, r in figures.items()
    )


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows [F, G] less their mean, of length 1, so that products are correlations; NaN if flat."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.where(length > 0, length, np.nan)


def _mean(r: NDArray[np.float64]) -> float:
    finite = r[np.isfinite(r)]
    return float(finite.mean()) if len(finite) else float("nan")
