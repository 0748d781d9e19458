"""Do matched features do the same thing? The correlation of their effects over kinds of quizzes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.effects.bootstrap import over_groups
from sae.effects.matched import Matched, nearest_in_frequency, nearest_in_profile
from sae.effects.scaling import Effects
from world import Stream

CONTROLS = ("second", "frequency", "profile")
"""What a match is held against, as in the columns r_NAME."""


def fingerprint_agreement(
    effects: Mapping[int, Effects],
    profiles: Mapping[int, NDArray[np.float64]],
    pairs: Sequence[Matched],
    count: int = 5,
) -> pd.DataFrame:
    """One row per pair, in their order.

    effects, profiles: by agent, of all its features in order; profiles from firing_profiles.
    count: features in each of the controls "frequency" and "profile".

    Columns: agent, feature, other, match, second, group; r_match (Pearson's r over the G groups
    of task and structure between the fingerprints of the feature and of its match), r_second
    (the second-best match in its place), r_frequency and r_profile (mean over the features
    nearest to the match in firing frequency, and in the tasks and structures they fire in).
    Missing where a fingerprint does not vary.
    """
    standard = {agent: _standardised(found.fingerprints()) for agent, found in effects.items()}
    for agent, found in effects.items():
        if len(found.feature) != len(profiles[agent]):
            raise ValueError(f"agent {agent} has effects of some of its features only")
    records = []
    for pair in pairs:
        own, others = standard[pair.agent][pair.feature], standard[pair.other]
        held_against = {
            "match": np.array([pair.match]),
            "second": np.array([pair.second] if pair.second >= 0 else [], dtype=np.int64),
            "frequency": nearest_in_frequency(profiles[pair.other], pair, count),
            "profile": nearest_in_profile(profiles[pair.other], pair, count),
        }
        r = {f"r_{name}": _mean(others[chosen] @ own) for name, chosen in held_against.items()}
        records.append({**asdict(pair), **r})
    known = [field.name for field in fields(Matched)]
    return pd.DataFrame(records, columns=[*known, "r_match", *(f"r_{name}" for name in CONTROLS)])


def agreement_summary(table: pd.DataFrame, stream: Stream, resamples: int = 1000) -> pd.DataFrame:
    """One row per figure: "match", each control, and "match - CONTROL", paired.

    Columns: figure; value (mean over pairs that have it), low and high (95 % percentile bootstrap
    over features: groups of pairs are drawn, the quizzes and agents stay), pairs, groups.
    """
    figures = {"match": table.r_match, **{name: table[f"r_{name}"] for name in CONTROLS}}
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
