"""Names of features and families: the concept they detect best, or a conjunction of a few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.concepts.ranking import Codes
from sae.concepts.scores import Scores, score_features
from sae.concepts.truth import Concepts

UNNAMED = "unnamed"
FLOOR = 0.5
"""F1 on the evaluation split from which on a name is given."""
MARGIN = 0.03
"""By how much one more concept must raise F1 on the selection split to be said."""
MOST = 3
"""Concepts in a name at most."""


@dataclass(frozen=True)
class Name:
    """What a feature, or a family of several, is called.

    concepts: numbers of the concepts said, in the order found; none for a feature that is never
    active on the selection split. candidate: a plain sentence of them. text: the same, but
    "unnamed" where f1 is below the floor. f1, precision, recall, auroc: on the evaluation split.
    threshold, chosen_f1: of the selection split. All are means over members, for a family.
    members: f1 by agent; a feature's own is under 0.
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
    most: int = MOST,
) -> list[Name]:
    """The names of F features, from codes [N, F] and what ``score_features`` made of them."""
    alone = [{0: feature} for feature in range(codes.shape[1])]
    return name_families(alone, {0: codes}, concepts, {0: scores}, floor, margin, most)


def name_families(
    families: Sequence[Mapping[int, int]],
    codes: Mapping[int, Codes],
    concepts: Concepts,
    scores: Mapping[int, Scores],
    floor: float = FLOOR,
    margin: float = MARGIN,
    most: int = MOST,
) -> list[Name]:
    """The names of families, each a feature by agent, from every agent's codes and scores.

    All members have the same name. Its first concept is the one of the highest F1 on the selection
    split, in the mean over members; up to ``most`` are joined to it, one by one, each the one that
    raises that mean most, while it does by more than ``margin``.
    """
    names = [_nothing(family) for family in families]
    going = list(range(len(families) if len(concepts) else 0))
    for said in range(most):
        if not going:
            break
        part = _Members.of([families[n] for n in going])
        asked = np.array([names[n].concepts for n in going], dtype=np.int64)
        graded = _grade(part, asked.reshape(len(going), said), codes, concepts, scores)
        longer = []
        for n, members in zip(going, part.members(graded), strict=True):
            f1 = np.mean([member.chosen_f1[row] for member, row in members.values()], axis=0)
            if f1.max() > names[n].chosen_f1 + (margin if said else 0):
                numbers = (*names[n].concepts, int(f1.argmax()))
                names[n] = _name(concepts, numbers, members, floor)
                longer.append(n)
        going = longer
    return names


@dataclass(frozen=True)
class _Members:
    """Families, and their members by agent. places: by family, for each agent which of the agent's
    features is the member. families: by agent the family of each member, features: what they are,
    int64."""

    places: list[dict[int, int]]
    families: dict[int, NDArray[np.int64]]
    features: dict[int, NDArray[np.int64]]

    @classmethod
    def of(cls, families: Sequence[Mapping[int, int]]) -> _Members:
        places: list[dict[int, int]] = [{} for _ in families]
        families_of: dict[int, list[int]] = {}
        for n, family in enumerate(families):
            for agent in sorted(family):
                held = families_of.setdefault(agent, [])
                places[n][agent] = len(held)
                held.append(n)
        return cls(
            places,
            {agent: np.array(held) for agent, held in families_of.items()},
            {
                agent: np.array([families[n][agent] for n in held])
                for agent, held in families_of.items()
            },
        )

    def members(self, graded: Mapping[int, Scores]) -> Iterator[dict[int, tuple[Scores, int]]]:
        """Of each family by agent, the scores and the member's row of them."""
        for place in self.places:
            yield {agent: (graded[agent], row) for agent, row in place.items()}


def _grade(
    part: _Members,
    asked: NDArray[np.int64],
    codes: Mapping[int, Codes],
    concepts: Concepts,
    scores: Mapping[int, Scores],
) -> dict[int, Scores]:
    """Scores by agent of the members of families, jointly with the concepts asked of each [n, C].

    Those with none are known already.
    """
    if not asked.shape[1]:
        return {agent: scores[agent].of(features) for agent, features in part.features.items()}
    return {
        agent: score_features(codes[agent][:, features], concepts, asked[part.families[agent]])
        for agent, features in part.features.items()
    }


def _nothing(family: Mapping[int, int]) -> Name:
    """The name of features that detect nothing."""
    members = dict.fromkeys(sorted(family), 0.0)
    return Name((), "", UNNAMED, 0.0, 0.0, 0.0, np.nan, np.inf, 0.0, members)


def _name(
    concepts: Concepts,
    numbers: tuple[int, ...],
    members: Mapping[int, tuple[Scores, int]],
    floor: float,
) -> Name:
    """A name of features, given by agent as rows of scores of the last of the concepts."""
    last = numbers[-1]

    def mean(figure: str) -> float:
        return float(
            np.mean([getattr(graded, figure)[row, last] for graded, row in members.values()])
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
        members={agent: float(graded.f1[row, last]) for agent, (graded, row) in members.items()},
    )
