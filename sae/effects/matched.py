"""A feature, its match in another agent, and the features that the match is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sae.effects.quizzes import split_quizzes
from sae.effects.spliced_agent import SplicedAgent
from world import QuizBatch, World

Partners = Mapping[tuple[int, int], NDArray[np.int64]]
"""By ordered pair of agents, int64 [F]: a feature of the second for each of the first, or -1."""


@dataclass(frozen=True)
class Matched:
    """A feature of one agent, and its match in another agent.

    second: another feature of ``other``, the second-best match; -1 where there is none. group:
    the family of both, whose pairs are drawn together in a bootstrap over features.
    """

    agent: int
    feature: int
    other: int
    match: int
    second: int
    group: int


def family_pairs(families: Sequence[Mapping[int, int]], seconds: Partners) -> list[Matched]:
    """Every ordered pair of features of a family, which is a group; families: feature by agent."""
    return [
        _matched(agent, feature, other, match, group, seconds)
        for group, family in enumerate(families)
        for agent, feature in family.items()
        for other, match in family.items()
        if agent != other
    ]


def _matched(
    agent: int, feature: int, other: int, match: int, group: int, seconds: Partners
) -> Matched:
    """In a family, the match may itself be the second-best: then there is no second."""
    second = int(seconds[agent, other][feature])
    return Matched(agent, feature, other, match, second if second != match else -1, group)


def firing_profiles(agent: SplicedAgent, world: World, batch: QuizBatch) -> NDArray[np.float64]:
    """float64 [F, G]: on how many tokens of each group of task and layout a feature fires.

    Of the selection split, since controls are chosen by it. Groups are those of SplitQuizzes.
    """
    quizzes = split_quizzes(world, batch, agent.rows, evaluation=False)
    groups = quizzes.groups()
    of_quiz = np.zeros((len(batch), len(groups)))
    of_quiz[quizzes.index] = quizzes.in_groups(groups)
    return np.asarray((agent.codes != 0).T @ of_quiz[agent.rows.quiz])


def nearest_in_frequency(
    profiles: NDArray[np.float64], pair: Matched, among: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """int64 [<= count]: features that fire about as often as the match, the nearest first.

    profiles: [F, G], of the match's agent. among: features that may be chosen; the match, the
    second-best match and features that never fire are left out. Nearest is in the logarithm of
    the number of tokens.
    """
    firings = profiles.sum(axis=1)
    candidates = _candidates(profiles, pair, among)
    distance = np.abs(np.log(firings[candidates]) - np.log(max(firings[pair.match], 1)))
    return candidates[distance.argsort(kind="stable")[:count]]


def nearest_in_profile(
    profiles: NDArray[np.float64], pair: Matched, among: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """int64 [<= count]: features that fire in the same tasks and layouts as the match.

    By the cosine of their profiles [F, G]; otherwise as nearest_in_frequency.
    """
    candidates = _candidates(profiles, pair, among)
    lengths = np.linalg.norm(profiles[candidates], axis=1)
    cosine = profiles[candidates] @ profiles[pair.match] / lengths
    return candidates[(-cosine).argsort(kind="stable")[:count]]


def _candidates(
    profiles: NDArray[np.float64], pair: Matched, among: NDArray[np.int64]
) -> NDArray[np.int64]:
    fires = among[profiles[among].any(axis=1)]
    return fires[~np.isin(fires, (pair.match, pair.second))]
