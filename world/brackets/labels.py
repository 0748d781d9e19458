"""What is true at every token of a quiz of brackets, and how it is said in plain English.

All is said of the string as it is read: read backwards it is the mirrored string.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.brackets.codec import Codec
from world.brackets.nesting import (
    BALANCED,
    KINDS,
    OPEN,
    Brackets,
    heights,
    kinds_of,
    lengths,
    lows,
    partners,
)
from world.core.batch import QuizBatch
from world.core.wording import Wording

OF_QUIZ = ("task", "layout", "kind", "length", "final", "verdict")
PHRASES = {
    "place": "is bracket {} of its string",
    "from_end": "has {} brackets after it in its string",
    "bracket": "is {}",
    "height": "is at height {}",
    "depth": "is in {} brackets, itself among them",
    "low": "comes after a lowest height of {}",
    "dipped": "comes {} a height below zero",
    "partner": "has its partner {}",
    "task": "is of task {}",
    "layout": "is written {}",
    "kind": "has a string of kind {}",
    "length": "has a string of {} brackets",
    "final": "has a string that ends at height {}",
    "verdict": "has a string that is {}",
}


def bracket_labels(
    codec: Codec, batch: QuizBatch, read: Brackets, padding: NDArray[np.bool_]
) -> dict[str, NDArray[np.int16]]:
    """int16 [B, T] by name; -1 where there is none.

    read: [B, length], the strings as they are read. padding: bool [B, T]. At brackets of the string
    alone: place, from 0; from_end, brackets after it; bracket, 0 opens and 1 closes; height after
    it, plus ``length``; depth, brackets that it stands in with itself, as far as they are matched;
    low, how far below zero it has been; dipped, whether it has been; partner, how many places away
    it is, 0 for none. Of a quiz, at all tokens but padding: task, layout, kind, length, final
    height plus ``length``, verdict, 0 balanced and 1 not.
    """
    size, height = lengths(read), heights(read)
    kind = kinds_of(read)
    of_quiz: dict[str, NDArray[np.integer]] = {
        "task": batch.task,
        "layout": batch.layout,
        "kind": kind,
        "length": size,
        "final": height[:, -1] + codec.length,
        "verdict": (kind != BALANCED).astype(np.int64),
    }
    place = places(codec, batch, size)
    inside = (place >= 0) & ~padding
    chosen = np.maximum(place, 0)
    labels = {
        name: np.where(inside, np.take_along_axis(values, chosen, axis=1), -1).astype(np.int16)
        for name, values in _by_place(read, height, size, codec.length).items()
    }
    return labels | {
        name: np.where(padding, np.int16(-1), values.astype(np.int16)[:, None])
        for name, values in of_quiz.items()
    }


def places(codec: Codec, batch: QuizBatch, size: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [B, T]: place of each bracket in the string as it is read; -1 at all other tokens.

    size: int64 [B], brackets of the strings.
    """
    origin = codec.origins[batch.layout]
    backwards = (codec.backwards & (batch.layout == 1))[:, None]
    place = np.where(backwards, size[:, None] - origin, origin - 1)
    return np.where((origin > 0) & (place >= 0) & (origin <= size[:, None]), place, -1)


def _by_place(
    read: Brackets, height: NDArray[np.int64], size: NDArray[np.int64], length: int
) -> dict[str, NDArray[np.int64]]:
    """int64 [B, length] by name."""
    place = np.broadcast_to(np.arange(length), read.shape)
    partner = partners(read)
    low = -lows(height)
    closes = (read != OPEN).astype(np.int64)
    matched = partner >= 0
    # Brackets without a partner hold nothing, but raise the height of all that follows.
    alone = np.cumsum(~matched * np.where(read == OPEN, 1, -closes), axis=1)
    return {
        "place": place,
        "from_end": size[:, None] - 1 - place,
        "bracket": closes,
        "height": height + length,
        "depth": np.where(matched, height + closes - alone, 0),
        "low": low,
        "dipped": (low > 0).astype(np.int64),
        "partner": np.where(matched, np.abs(partner - place), 0),
    }


def bracket_wording(codec: Codec, tasks: tuple[str, ...]) -> Wording:
    """Words for every label of ``bracket_labels``."""
    numbers = tuple(str(n) for n in range(codec.length + 1))
    levels = tuple(str(n) for n in range(-codec.length, codec.length + 1))
    values = {
        "place": numbers[1:],
        "from_end": numbers,
        "bracket": ("an opening bracket", "a closing bracket"),
        "height": levels,
        "depth": numbers,
        "low": ("0", *(f"-{n}" for n in numbers[1:])),
        "dipped": ("before", "after"),
        "partner": ("nowhere", *(f"{n} places away" for n in numbers[1:])),
        "task": tasks,
        "layout": tuple(layout.name.replace(",", ", ") for layout in codec.layouts),
        "kind": KINDS,
        "length": numbers,
        "final": levels,
        "verdict": ("balanced", "unbalanced"),
    }
    return Wording("bracket", values, PHRASES, OF_QUIZ)
