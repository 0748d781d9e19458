"""What is true at every token of a quiz of names, and how it is said in plain English."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.wording import Wording
from world.names.reading import REPEAT, SENTENCE, Reading
from world.names.sentences import Codec, Values
from world.names.words import BLANK, CLASSES, ENDINGS, OPENINGS

ROLES = ("io", "s1", "after_s1", "s2", "end", "answer")
"""What tokens of a sentence are to its answer, if one of two gives: the name of the one who does
not; of the one who does, and the word after it; the same name again; the last word; the answer."""
OF_QUIZ = ("task", "layout", "opening", "ending")
PHRASES = {
    "word": "is {}",
    "role": "is {}",
    "name": "is the name {}",
    "mention": "is the {} name that is said",
    "said_before": "is a word said {}",
    "from_start": "is word {} of its text",
    "to_end": "has {} words after it before the answer",
    "copied": "is {} of words said twice",
    "task": "is of task {}",
    "layout": "is written {}",
    "opening": "has the opening {}",
    "ending": "has the ending {}",
}
MENTIONS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


def role_places(reading: Reading, io_first: NDArray[np.bool_]) -> dict[str, Values]:
    """int64 [B] by role: where it is in layout 0; -1 in what is no sentence.

    io_first: bool [B], whether the first name is that of the one who does not give.
    """
    first, second = reading.at["first"], reading.at["second"]
    s1 = np.where(io_first, second, first)
    return {
        "io": np.where(io_first, first, second),
        "s1": s1,
        "after_s1": np.where(s1 < 0, -1, s1 + 1),
        "s2": reading.at["giver"],
        "end": reading.at["end"],
        "answer": reading.at["answer"],
    }


def name_labels(
    codec: Codec,
    batch: QuizBatch,
    plain: NDArray[np.unsignedinteger],
    reading: Reading,
    padding: NDArray[np.bool_],
) -> dict[str, NDArray[np.int16]]:
    """int16 [B, T] by name; -1 where there is none.

    plain: [B, T], the tokens in layout 0. padding: bool [B, T], of the quizzes as written. At every
    word: its class; whether it was said before; its number in the text; how many words stand after
    it before the answer. At names: which, and of how many names it is the last. At the answer's
    words its role (``ROLES``), if one of two gives. In repeated blocks whether a word is of the
    first or of the second. Of a quiz, at all tokens but padding: task, layout, opening, ending.
    """
    kind = reading.kind[:, None]
    found = {
        "word": codec.words.class_of[plain],
        "role": _roles(plain, reading),
        **_names(codec, plain),
        "said_before": _said_before(plain),
        **_counted(codec, plain),
        "copied": np.where(kind == REPEAT, _halves(codec, reading), -1),
    }
    origin = codec.origins[batch.layout]
    labels = {
        name: np.where(padding, -1, np.take_along_axis(values, origin, axis=1)).astype(np.int16)
        for name, values in found.items()
    }
    sentence = reading.kind == SENTENCE
    of_quiz: dict[str, NDArray[np.integer]] = {
        "task": batch.task,
        "layout": batch.layout.astype(np.int16),
        "opening": np.where(sentence, reading.sentences.opening, -1),
        "ending": np.where(sentence, reading.sentences.ending, -1),
    }
    return labels | {
        name: np.where(padding, -1, values[:, None]).astype(np.int16)
        for name, values in of_quiz.items()
    }


def _roles(plain: NDArray[np.unsignedinteger], reading: Reading) -> Values:
    made = reading.sentences
    of_two = (made.giver == made.first) | (made.giver == made.second)
    rows = np.flatnonzero((reading.kind == SENTENCE) & of_two)
    roles = np.full(plain.shape, -1, dtype=np.int64)
    # What stands between the two names may be one word: the name behind it is said last.
    places = role_places(reading, made.giver == made.second)
    for role in ("after_s1", "io", "s1", "s2", "end", "answer"):
        roles[rows, places[role][rows]] = ROLES.index(role)
    return roles


def _names(codec: Codec, plain: NDArray[np.unsignedinteger]) -> dict[str, Values]:
    """int64 [B, T]: which name it is, and how many stand before it."""
    values = codec.words.values("name")
    is_name = plain >= values[0]
    return {
        "name": np.where(is_name, plain.astype(np.int64) - values[0], -1),
        "mention": np.where(is_name, np.minimum(np.cumsum(is_name, axis=1), len(MENTIONS)) - 1, -1),
    }


def _said_before(plain: NDArray[np.unsignedinteger]) -> Values:
    """int64 [B, T]: 1 for a word that stands further left as well, else 0; -1 for a blank."""
    same = plain[:, :, None] == plain[:, None, :]
    before = np.tril(same, -1).any(axis=2)
    return np.where(plain == BLANK, -1, before.astype(np.int64))


def _counted(codec: Codec, plain: NDArray[np.unsignedinteger]) -> dict[str, Values]:
    """int64 [B, T]: words before it, and words between it and the answer; -1 for a blank."""
    is_word = plain != BLANK
    place = np.arange(codec.seq_len)
    to_end = np.broadcast_to(codec.answer - 1 - place, plain.shape)
    return {
        "from_start": np.where(is_word, np.cumsum(is_word, axis=1) - 1, -1),
        "to_end": np.where(is_word & (place < codec.answer), to_end, -1),
    }


def _halves(codec: Codec, reading: Reading) -> Values:
    """int64 [B, T]: 0 in the first and 1 in the second of two blocks; -1 before them."""
    back = codec.answer - np.arange(codec.seq_len)
    length = reading.length[:, None]
    return np.where(back < length, 1, np.where(back < 2 * length, 0, -1))


def name_wording(codec: Codec, tasks: tuple[str, ...]) -> Wording:
    """Words for every label of ``name_labels``."""
    numbers = tuple(str(n) for n in range(codec.seq_len + 1))
    values = {
        "word": ("a fixed word", "a verb", "a filler", "a place", "an object", "a name"),
        "role": (
            "the name of the one who does not give (IO)",
            "the first name of the one who gives (S1)",
            "the word after the name of the one who gives (S1+1)",
            "the second name of the one who gives (S2)",
            "the last word before the answer (END)",
            "the answer",
        ),
        "name": codec.words.by_class[CLASSES.index("name")],
        "mention": MENTIONS,
        "said_before": ("for the first time", "before"),
        "from_start": numbers[1:],
        "to_end": numbers,
        "copied": ("in the first block", "in the second block"),
        "task": tasks,
        "layout": tuple(layout.name.replace(",", ", ") for layout in codec.layouts),
        "opening": OPENINGS[: codec.templates],
        "ending": ENDINGS[: codec.templates],
    }
    return Wording("word", values, PHRASES, OF_QUIZ)
