"""What is true at every token of a quiz of strings, and how it is said in plain English."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.wording import Wording
from world.strings.codec import PARTS, Codec
from world.strings.task import lengths

PHRASES = {
    "part": "is in {}",
    "place": "is {} of its string",
    "from_end": "has {} letters after it in its string",
    "letter": "is {}",
    "length": "is in a string of {} letters",
    "source": "has {} at its place in the string that it is paired with",
    "task": "is of task {}",
    "layout": "is written {}",
}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def string_labels(codec: Codec, batch: QuizBatch, plain: QuizBatch) -> dict[str, NDArray[np.int16]]:
    """int16 [B, T] by name; -1 at label tokens and padding.

    plain: the batch in layout 0. part: which of x, f(x), z, f(z). place: its place in the string,
    from 0. from_end: letters after it. letter: 0 where the string has ended. length: letters of
    its string. source: the letter at its place in the other string of its pair, where that is
    written before it.
    """
    shape = batch.tokens.shape
    part, place = codec.string_at[batch.layout], codec.place_at[batch.layout]
    strings = codec.strings(plain)
    size = lengths(strings.reshape(-1, strings.shape[2])).reshape(len(batch), len(PARTS))
    length = np.take_along_axis(size, part, axis=1)
    slot_of = np.argsort([layout.parts for layout in codec.layouts], axis=1)[batch.layout]
    before = np.take_along_axis(slot_of, part ^ 1, axis=1) < codec.slots[batch.layout]
    rows = np.arange(len(batch))[:, None]
    source = strings[rows, part ^ 1, np.maximum(place, 0)]
    values: dict[str, NDArray[np.integer]] = {
        "task": np.broadcast_to(batch.task[:, None], shape),
        "layout": np.broadcast_to(batch.layout[:, None], shape),
        "part": part,
        "place": place,
        "from_end": np.where(place < length, length - 1 - place, -1),
        "letter": batch.tokens,
        "length": length,
        "source": np.where(before, source.astype(np.int64), -1),
    }
    known = (place >= 0) & ~codec.padding(batch)
    return {
        name: np.where(known, value.astype(np.int16), -1).astype(np.int16)
        for name, value in values.items()
    }


def string_wording(codec: Codec, tasks: tuple[str, ...], alphabet: tuple[str, ...]) -> Wording:
    """Words for every label of ``string_labels``."""
    numbers = tuple(str(n) for n in range(codec.length + 2))
    letters = ("the end", *alphabet)
    values = {
        "part": PARTS,
        "place": tuple(f"the {nth}" for nth in ORDINALS),
        "from_end": numbers,
        "letter": letters,
        "source": letters,
        "length": numbers,
        "task": tasks,
        "layout": tuple(", ".join(PARTS[p] for p in layout.parts) for layout in codec.layouts),
    }
    return Wording("letter", values, PHRASES)
