"""The published claim, and the rules by which it is judged, fixed before anything was measured.

F. Fleuret (June 2024) reports of this world that agents quickly raise the number of birds, and
discover occlusion. Agents that learned from three birds without overlap also sample others now and
then, whether anyone selects them or not: that is the null. So what full culture keeps in its last
round is held against all that agents of the same seed propose there without culture. The difference
is the sum of two: what the rule selects from what is proposed, and how far training on what was
kept changes what is proposed.

Only quizzes that fly by the law are counted. Noise that is no bird at all is kept by hardly any
rule, and would make any selection look like a rise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from culture_sim.experiments.birds.drift import BIRDS, KEPT, OCCLUDED, PROPOSED
from culture_sim.study.arms import CONTROL, FULL
from culture_sim.study.results import interval

RANDOM = "random_filter"
SEEDS = 3
"""Fewer seeds that can be counted decide nothing."""
FEWEST = 20
"""Quizzes that fly, on either side, below which a seed is not counted."""


class Finding(StrEnum):
    """What was found of a statement."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Claim:
    """A part of what was published.

    measure: that rises, of quizzes that fly. margin: a rise below it is none, in the measure's
    unit.
    """

    name: str
    measure: str
    margin: float


@dataclass(frozen=True)
class Contrast:
    """Of two arms after the last round, whose quizzes are held against whose."""

    name: str
    arm: str
    quizzes: str
    against_arm: str
    against: str


CLAIMS = (
    Claim("agents raise the number of birds", BIRDS, 0.1),
    Claim("agents discover occlusion", OCCLUDED, 0.02),
)
PUBLISHED = Contrast("kept by full culture, against sampling alone", FULL, KEPT, CONTROL, PROPOSED)
"""Decides the claim."""
PARTS = (
    Contrast("selection: kept, against proposed", FULL, KEPT, FULL, PROPOSED),
    Contrast("training on it: proposed, against no culture", FULL, PROPOSED, CONTROL, PROPOSED),
)
"""Their sum is the former."""
CHOICE = Contrast("its choice: proposed, against random culture", FULL, PROPOSED, RANDOM, PROPOSED)
CONTRASTS = (PUBLISHED, *PARTS, CHOICE)


def find(differences: pd.Series, margin: float) -> Finding:
    """What differences by seed say of a rise.

    Refuted where Student's 95 % interval of their mean lies below the margin, even if it lies
    above 0; else confirmed where it lies above 0; else undecided, as with fewer than SEEDS.
    """
    if len(differences) < SEEDS:
        return Finding.UNDECIDED
    found = interval(differences)
    low, high = found["low"], found["high"]
    assert low is not None
    assert high is not None
    if high < margin:
        return Finding.REFUTED
    return Finding.CONFIRMED if low > 0 else Finding.UNDECIDED


def judge(rounds: pd.DataFrame, last: int) -> list[dict[str, Any]]:
    """Every contrast of every claim, in order: claim, contrast, measure, margin, finding, the
    differences by seed, their mean and its interval.

    rounds: as ``rounds_table``, of every seed and arm. last: the round that decides. A contrast
    with an arm that was not made has no seeds.
    """
    now = rounds[rounds["round"] == last]
    judged = []
    for claim in CLAIMS:
        of_claim = now[(now["measure"] == claim.measure) & (now["total"] >= FEWEST)]
        values = of_claim.set_index(["arm", "quizzes", "seed"])["value"]
        for contrast in CONTRASTS:
            difference = _of(values, contrast.arm, contrast.quizzes) - _of(
                values, contrast.against_arm, contrast.against
            )
            counted = difference.dropna().astype(float)
            judged.append(
                {
                    "claim": claim.name,
                    "contrast": contrast.name,
                    "decides": contrast is PUBLISHED,
                    "measure": claim.measure,
                    "margin": claim.margin,
                    "finding": find(counted, claim.margin).value,
                    "by_seed": {str(seed): value for seed, value in counted.items()},
                    **(interval(counted) if len(counted) else dict.fromkeys(INTERVAL)),
                }
            )
    return judged


INTERVAL = ("value", "low", "high")


def _of(values: pd.Series, arm: str, quizzes: str) -> pd.Series:
    """By seed; empty where nothing was measured."""
    chosen = values[
        (values.index.get_level_values("arm") == arm)
        & (values.index.get_level_values("quizzes") == quizzes)
    ]
    return chosen.droplevel(["arm", "quizzes"])
