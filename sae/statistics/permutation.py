"""Random permutations of rows within groups: what every null is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def group_index(*keys: NDArray[Any]) -> NDArray[np.int64]:
    """int64 [N]: a number for each distinct combination of integer keys [N], from 0."""
    index = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        _, values = np.unique(key, return_inverse=True)
        _, index = np.unique(index * (values.max(initial=0) + 1) + values, return_inverse=True)
    return index


def permute_within(groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """int64 [N]: a permutation that moves every row to another row of its group.

    Each group is put in random order and every row takes its successor's place in a circle,
    so no row stays where it is unless it is alone. A row left in place would carry the true
    correlation into the null: with uniform permutations that is a share 1 / (group size).
    """
    order = np.lexsort((rng.random(len(groups)), groups))
    ordered = groups[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    ends = np.append(starts[1:], len(order)) - 1
    successor = np.append(order[1:], 0)
    if len(order):
        successor[ends] = order[starts]
    permutation = np.empty(len(groups), dtype=np.int64)
    permutation[order] = successor
    return permutation


def exchange_quizzes(
    quiz: NDArray[np.int64], groups: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """int64 [N]: the rows of each quiz replaced by those of another, row for row.

    quiz: [N], 0 .. Q - 1, ascending. groups: [Q]; quizzes are exchanged within a group, and
    with the same number of rows.
    """
    lengths = np.bincount(quiz, minlength=len(groups))
    starts = np.cumsum(lengths) - lengths
    other = permute_within(group_index(groups, lengths), rng)
    return starts[other][quiz] + np.arange(len(quiz)) - starts[quiz]
