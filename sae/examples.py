"""What shared features respond to: the quizzes that activate them most, agent beside agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sae.families import Family
from sae.features import Features
from sae.harvest import TokenRows
from world import UNKNOWN_TASK, QuizBatch, World

FAMILIES = 24
"""Families shown: the most widely shared, then those furthest above the null."""
QUIZZES = 6
"""Quizzes shown for each."""


def top_examples(
    families: Sequence[Family],
    features: Mapping[int, Features],
    world: World,
    batch: QuizBatch,
    rows: TokenRows,
) -> list[dict[str, Any]]:
    """The quizzes that best activate each of the first families, as plain types for JSON.

    features: by agent number, on the tokens of ``rows``, which are those of ``batch``.
    Activations are divided by the feature's highest on any token, so they lie in 0 .. 1.
    """
    return [
        _family(number, family, features, world, batch, rows)
        for number, family in enumerate(families[:FAMILIES])
    ]


def _family(
    number: int,
    family: Family,
    features: Mapping[int, Features],
    world: World,
    batch: QuizBatch,
    rows: TokenRows,
) -> dict[str, Any]:
    levels = {a: _levels(features[a], f, rows) for a, f in family.members.items()}
    return {
        "family": number,
        "k": family.k,
        "mean_r": round(family.mean_r, 4),
        "mean_excess": round(family.mean_excess, 4),
        "features": {str(agent): feature for agent, feature in family.members.items()},
        "firings": {
            str(agent): int(features[agent].firings[feature])
            for agent, feature in family.members.items()
        },
        "quizzes": [
            _quiz(int(quiz), levels, world, batch, rows) for quiz in _best_quizzes(levels, rows)
        ],
    }


def _levels(features: Features, feature: int, rows: TokenRows) -> NDArray[np.float32]:
    """float32 [N]: one feature's activations over its highest."""
    column = int(np.searchsorted(features.index, feature))
    level = np.zeros(len(rows), dtype=np.float32)
    for half, codes in ((False, features.choosing), (True, features.reported)):
        level[rows.reported == half] = codes.values[:, [column]].toarray().ravel()
    return level / level.max()


def _best_quizzes(levels: Mapping[int, NDArray[np.float32]], rows: TokenRows) -> NDArray[np.int64]:
    """Quizzes with the highest peak, mean over agents, the first of equals first."""
    peaks = np.zeros(rows.quizzes)
    for level in levels.values():
        peak = np.zeros(rows.quizzes, dtype=np.float32)
        np.maximum.at(peak, rows.quiz, level)
        peaks += peak
    return np.argsort(-peaks, kind="stable")[:QUIZZES]


def _quiz(
    quiz: int,
    levels: Mapping[int, NDArray[np.float32]],
    world: World,
    batch: QuizBatch,
    rows: TokenRows,
) -> dict[str, Any]:
    first, last = np.searchsorted(rows.quiz, [quiz, quiz + 1])
    task = int(batch.task[quiz])
    activations = {}
    for agent, level in levels.items():
        line = np.zeros(batch.tokens.shape[1])
        line[rows.position[first:last]] = level[first:last]
        activations[str(agent)] = [round(float(v), 2) for v in line]
    return {
        "quiz": quiz,
        "structure": int(batch.structure[quiz]),
        "task": None if task == UNKNOWN_TASK else world.tasks[task],
        "tokens": batch.tokens[quiz].tolist(),
        "activations": activations,
    }
