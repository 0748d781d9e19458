"""Names of features and families: the concept they detect best, or a conjunction of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.concepts.ranking import Codes
from sae.concepts.scores import Scores, Table, score_features
from sae.concepts.truth import Concepts

UNNAMED = "unnamed"
FLOOR = 0.5
"""F1 on the reported half from which on a name is given."""
MARGIN = 0.03
"""By how much a second concept must raise F1 on the choosing half to be said."""


@dataclass(frozen=True)
class Name:
    """What a feature, or a family of several, is called.

    concepts: numbers of one or two concepts, the best by F1 on the choosing half; none for a
    feature that is never active there. candidate: a plain sentence of them. text: the same, but
    "unnamed" where f1 is below the floor. f1, precision, recall, auroc: on the reported half.
    threshold, chosen_f1: of the choosing half. All are means over members, for a family. members:
    f1 by agent; a feature's own is under 0.
    """

    concepts: tuple[int, ...]
    candidate: str
    text: str
    f1: float
    precision: float
    recall: float
    auroc: float
    threshold: float
    chosen_f1: float
    members: dict[int, float]


def name_features(
    codes: Codes,
    concepts: Concepts,
    scores: Scores,
    floor: float = FLOOR,
    margin: float = MARGIN,
) -> list[Name]:
    """The names of F features, from codes [N, F] and what ``score_features`` made of them."""
    first = _best(scores.chosen_f1)
    both = score_features(codes, concepts, first)
    second = _second(scores.chosen_f1, both.chosen_f1, first, margin)
    return [
        _name(concepts, (first[f], second[f]), {0: (scores if second[f] < 0 else both, f)}, floor)
        for f in range(codes.shape[1])
    ]


def name_families(
    families: Sequence[Mapping[int, int]],
    codes: Mapping[int, Codes],
    concepts: Concepts,
    scores: Mapping[int, Scores],
    floor: float = FLOOR,
    margin: float = MARGIN,
) -> list[Name]:
    """The names of families, each a feature by agent, from every agent's codes and scores.

    All members have the same name: the concepts of the highest F1 in the mean over them.
    """
    # By agent: the families it is in, and its features there.
    own = {a: [n for n, family in enumerate(families) if a in family] for a in codes}
    features = {a: np.array([families[n][a] for n in own[a]], dtype=np.int64) for a in codes}
    places: list[dict[int, int]] = [{a: own[a].index(n) for a in f} for n, f in enumerate(families)]
    alone = {a: scores[a].of(features[a]) for a in codes}
    mean_alone = _mean(alone, places, len(concepts))
    first = _best(mean_alone)
    both = {a: score_features(codes[a][:, features[a]], concepts, first[own[a]]) for a in codes}
    second = _second(mean_alone, _mean(both, places, len(concepts)), first, margin)
    names = []
    for n, place in enumerate(places):
        used = alone if second[n] < 0 else both
        members = {a: (used[a], row) for a, row in place.items()}
        names.append(_name(concepts, (first[n], second[n]), members, floor))
    return names


def _mean(scores: Mapping[int, Scores], places: Sequence[Mapping[int, int]], count: int) -> Table:
    """float64 [families, K]: the mean over members of their F1 on the choosing half."""
    means = [
        np.mean([scores[a].chosen_f1[row] for a, row in place.items()], axis=0) for place in places
    ]
    return np.array(means).reshape(len(places), count)


def _best(chosen_f1: Table) -> NDArray[np.int64]:
    """int64 [F]: the concept of the highest F1, -1 where none is above 0."""
    if not chosen_f1.size:
        return np.full(len(chosen_f1), -1)
    return np.where(chosen_f1.max(axis=1) > 0, chosen_f1.argmax(axis=1), -1)


def _second(
    alone: Table, both: Table, first: NDArray[np.int64], margin: float
) -> NDArray[np.int64]:
    """int64 [F]: the concept that raises F1 most beside the first, -1 where by no margin."""
    second = _best(both)
    rows = np.arange(len(first))
    if not alone.size:
        return second
    gain = both[rows, second] - alone[rows, first]
    return np.where((first >= 0) & (second >= 0) & (gain > margin), second, -1)


def _name(
    concepts: Concepts,
    chosen: tuple[int, int],
    members: Mapping[int, tuple[Scores, int]],
    floor: float,
) -> Name:
    """A name of features, given by agent as rows of scores."""
    numbers = tuple(int(k) for k in chosen if k >= 0)
    if not numbers:
        nothing = dict.fromkeys(members, 0.0)
        return Name((), "", UNNAMED, 0.0, 0.0, 0.0, np.nan, np.inf, 0.0, nothing)
    last = numbers[-1]

    def mean(figure: str) -> float:
        return float(
            np.mean([getattr(found, figure)[row, last] for found, row in members.values()])
        )

    f1, said = mean("f1"), concepts.text(numbers)
    return Name(
        concepts=numbers,
        candidate=said,
        text=said if f1 >= floor else UNNAMED,
        f1=f1,
        precision=mean("precision"),
        recall=mean("recall"),
        auroc=mean("auroc"),
        threshold=mean("threshold"),
        chosen_f1=mean("chosen_f1"),
        members={agent: float(found.f1[row, last]) for agent, (found, row) in members.items()},
    )
