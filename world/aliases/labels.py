"""What is true at every token of a row, and how it is said in plain English."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.aliases.options import LINKS
from world.aliases.rows import ANSWER, NO_ROW, Reading, X, Y, letters
from world.core.batch import QuizBatch
from world.core.wording import Wording
from world.core.world import Layout

ROLES = ("x", "y", "the answer", "the letter that is linked", "the letter that it is linked with")
ALPHABETS = ("a number", "an alias")
OF_QUIZ = ("task", "layout", "x", "y", "z")
PHRASES = {
    "role": "is {}",
    "letter": "stands for {}",
    "alphabet": "is {}",
    "task": "is in a row of {}",
    "layout": "is written {}",
    "x": "is in a row whose x stands for {}",
    "y": "is in a row whose y stands for {}",
    "z": "is in a row whose answer stands for {}",
}


def alias_labels(batch: QuizBatch, reading: Reading, modulus: int) -> dict[str, NDArray[np.int16]]:
    """int16 [B, T] by name; -1 where there is none.

    At numbers and aliases: role (``ROLES``), alphabet, and the number that it is or stands for. Of
    a row, at all tokens: task, layout; x and y, of a table's row; z, where it is answered by a
    token that could be right.
    """
    alphabet, letter = letters(batch.tokens, modulus)
    is_letter, is_link = alphabet >= 0, (reading.kind == LINKS)[:, None]
    place = np.arange(batch.tokens.shape[1])
    of_table = np.select([place == X, place == Y, place == ANSWER], [0, 1, 2], -1)
    of_link = np.select([place == Y, place == ANSWER], [3, 4], -1)
    role = np.where(is_link, of_link, of_table)
    in_table = (reading.kind != NO_ROW) & (reading.kind != LINKS)
    found = {
        "role": np.where(is_letter & (reading.kind != NO_ROW)[:, None], role, -1),
        "letter": np.where(is_letter, letter, -1),
        "alphabet": alphabet,
    }
    of_quiz: dict[str, NDArray[np.integer]] = {
        "task": batch.task,
        "layout": batch.layout,
        "x": np.where(in_table, reading.x, -1),
        "y": np.where(in_table, reading.y, -1),
        "z": np.where(reading.known, reading.z, -1),
    }
    wide = {
        name: np.broadcast_to(value[:, None], batch.tokens.shape) for name, value in of_quiz.items()
    }
    return {name: values.astype(np.int16) for name, values in (found | wide).items()}


def alias_wording(
    tasks: tuple[str, ...], layouts: tuple[Layout, ...], numbers: tuple[str, ...]
) -> Wording:
    """Words for every label of ``alias_labels``; numbers: what each is called."""
    values = {
        "role": ROLES,
        "letter": numbers,
        "alphabet": ALPHABETS,
        "task": tasks,
        "layout": tuple(layout.name.replace(",", ", ") for layout in layouts),
        "x": numbers,
        "y": numbers,
        "z": numbers,
    }
    return Wording("token", values, PHRASES, OF_QUIZ)
