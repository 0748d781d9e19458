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

import pandas as pd

from culture_sim.experiments.birds.drift import BIRDS, KEPT, OCCLUDED, PROPOSED
from culture_sim.experiments.birds.patching import CELLS, MOVED, PLACES
from culture_sim.experiments.findings import Answer, Verdict
from culture_sim.study.arms import CONTROL, FULL
from culture_sim.study.results import interval

RANDOM = "random_filter"
SEEDS = 3
"""Fewer seeds that can be counted decide nothing."""
FEWEST = 20
"""Quizzes that fly, on either side, below which a seed is not counted."""


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
    """Of the last round of two arms, whose quizzes are held against whose."""

    name: str
    arm: str
    quizzes: str
    against_arm: str
    against: str


CLAIMS = (
    Claim("agents raise the number of birds", BIRDS, 0.1),
    Claim("agents discover occlusion", OCCLUDED, 0.02),
)
PUBLISHED = Contrast(
    "kept by full culture, against proposed without culture", FULL, KEPT, CONTROL, PROPOSED
)
"""Decides the claim."""
PARTS = (
    Contrast("selection: kept, against proposed", FULL, KEPT, FULL, PROPOSED),
    Contrast("training on it: proposed, against no culture", FULL, PROPOSED, CONTROL, PROPOSED),
)
"""Their sum is the former."""
CHOICE = Contrast("its choice: proposed, against random culture", FULL, PROPOSED, RANDOM, PROPOSED)
CONTRASTS = (PUBLISHED, *PARTS, CHOICE)


RULE = (
    "{contrast}, in the last round, of quizzes that fly by the law. Refuted where Student's "
    "95 % interval of the seeds' differences lies below {margin:g}; else confirmed where it lies "
    f"above 0. Seeds with fewer than {FEWEST} such quizzes on a side are not counted, and fewer "
    f"than {SEEDS} seeds decide nothing."
)


@dataclass(frozen=True)
class Judged:
    """What was found of a contrast of a claim: by seed, in the measure's unit; their mean with
    Student's 95 % interval, None with fewer than two seeds (without any, no mean either)."""

    claim: Claim
    contrast: Contrast
    by_seed: dict[int, float]
    value: float | None
    low: float | None
    high: float | None

    @property
    def answer(self) -> Answer:
        """As RULE says."""
        if len(self.by_seed) < SEEDS or self.low is None or self.high is None:
            return "open"
        if self.high < self.claim.margin:
            return "refuted"
        return "confirmed" if self.low > 0 else "open"

    def verdict(self) -> Verdict:
        """The same in words."""
        rule = RULE.format(contrast=self.contrast.name.capitalize(), margin=self.claim.margin)
        name, contrast = self.claim.name, self.contrast
        claim = name if contrast is PUBLISHED else f"{name}: {contrast.name}"
        return Verdict(claim, rule, self.answer, self.because)

    @property
    def because(self) -> str:
        """The figures."""
        if self.value is None:
            return "no seed can be counted"
        seeds = ", ".join(f"{value:+.3f}" for value in self.by_seed.values())
        interval = "" if self.low is None else f" ({self.low:+.3f} to {self.high:+.3f})"
        return f"{self.claim.measure} {self.value:+.3f}{interval}; by seed {seeds}"


def judge(drift: pd.DataFrame, last: int) -> list[Judged]:
    """Every contrast of every claim, in order.

    drift: as ``drift.rounds_table``, of every seed and arm. last: the round that decides.
    """
    now = drift[drift["round"] == last]
    judged = []
    for claim in CLAIMS:
        enough = (now["measure"] == claim.measure) & (now["support"] >= FEWEST)
        values = now[enough].set_index(["arm", "quizzes", "seed"])["value"]
        for contrast in CONTRASTS:
            one = _by_seed(values, contrast.arm, contrast.quizzes)
            other = _by_seed(values, contrast.against_arm, contrast.against)
            judged.append(_judged(claim, contrast, (one - other).dropna()))
    return judged


def _judged(claim: Claim, contrast: Contrast, differences: pd.Series) -> Judged:
    by_seed = {int(seed): float(value) for seed, value in differences.items()}
    found = interval(differences) if by_seed else dict.fromkeys(("value", "low", "high"))
    return Judged(claim, contrast, by_seed, **found)


def _by_seed(values: pd.Series, arm: str, quizzes: str) -> pd.Series:
    """Empty where nothing was measured."""
    of = values.index.get_level_values
    chosen = values[(of("arm") == arm) & (of("quizzes") == quizzes)]
    return chosen.droplevel(["arm", "quizzes"])


ALONE = 0.05
"""A cell whose expectation moves less than this is said not to move."""


def one_bird_alone(patched: pd.DataFrame) -> Verdict:
    """Whether a bird's cells decide what is answered of that bird, and of no other.

    patched: rows of ``patching``, of every agent.
    """
    entered = patched[patched["site"].str.endswith("blocks.0.hook_resid_pre")]
    chosen = entered[(entered["place"] == PLACES[0]) & (entered["measure"] == MOVED)]
    means = chosen.groupby(["group", "seed"])["value"].mean()
    own, others = (means.get(name, pd.Series(dtype=float)) for name in (CELLS[0], CELLS[3]))
    because = "nothing was patched"
    if len(own) and len(others):
        because = (
            f"cells that it leaves move by {own.mean():.3f}, those of other birds by "
            f"{others.mean():.3f}"
        )
    return Verdict(
        "a bird's cells decide the answer of that bird alone",
        f"One bird's cells of the given frame are another flight's, where they enter the network. "
        f"Confirmed where the cells that the bird leaves in the answer move more than those of "
        f"other birds (Student's 95 % interval over seeds above 0), and these by less than "
        f"{ALONE:g} (interval below); refuted where they move less, or others by more than "
        f"{ALONE:g}. Fewer than {SEEDS} seeds decide nothing.",
        _alone(own, others),
        because,
    )


def _alone(own: pd.Series, others: pd.Series) -> Answer:
    """By seed, how far the bird's cells move and those of others."""
    difference = (own - others).dropna()
    if len(difference) < SEEDS:
        return "open"
    (least, most), (low, high) = _bounds(difference), _bounds(others)
    if most < 0 or low > ALONE:
        return "refuted"
    return "confirmed" if least > 0 and high < ALONE else "open"


def _bounds(values: pd.Series) -> tuple[float, float]:
    found = interval(values)
    assert found["low"] is not None
    assert found["high"] is not None
    return found["low"], found["high"]
