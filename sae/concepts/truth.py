"""Concepts: one value of one of the world's labels, at one moment, and where they are true.

The row of a token stands between two tokens, the one just read and the one to be predicted. Both
are of interest, so every label gives concepts at two moments, "read" and "next"; labels of a whole
quiz give them once, at the moment "quiz".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sae.activations.harvest import TokenRows
from world import UNKNOWN_TASK, QuizBatch, World
from world.core.wording import Wording

READ, NEXT, QUIZ = "read", "next", "quiz"
LEAST = 50
"""Rows of either split on which a concept must be true."""
CHUNK = 16384
"""Rows whose truth is held as a matrix at a time."""
SAME = 0.9
"""Rows that two concepts have in common, of those that either has, from which on they are one."""


@dataclass(frozen=True)
class Concept:
    """What may be true at a row.

    moment: "read", "next" or "quiz". label, value: the world's, value_name in plain English.
    subject, phrase: a plain sentence, such as "next cell" and "is red".
    """

    moment: str
    label: str
    value: int
    value_name: str
    subject: str
    phrase: str

    @property
    def text(self) -> str:
        """The concept as a plain sentence."""
        return f"{self.subject} {self.phrase}"


@dataclass(frozen=True)
class Concepts:
    """K concepts of L labels at M rows: those rows whose truth is known.

    concepts: [K], those of one label and moment together. true: int16 [L, M], which concept of
    each label is true at each row, -1 for none; the values of a label exclude one another.
    rows: int64 [M], the rows among all N. total: N. source: int64 [M], equal for rows of one quiz.
    evaluation: bool [M], as in TokenRows.
    """

    concepts: tuple[Concept, ...]
    true: NDArray[np.int16]
    rows: NDArray[np.int64]
    total: int
    source: NDArray[np.int64]
    evaluation: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.concepts)

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """[L]: first concept of each label, and one past its last."""
        keys = [(concept.moment, concept.label) for concept in self.concepts]
        starts = [k for k in range(len(keys)) if k == 0 or keys[k] != keys[k - 1]]
        return list(pairwise([*starts, len(keys)]))

    @cached_property
    def label_of(self) -> NDArray[np.int64]:
        """int64 [K]: the row of ``true`` that has each concept."""
        widths = [stop - start for start, stop in self.spans]
        return np.repeat(np.arange(len(self.spans)), widths)

    @cached_property
    def prevalence(self) -> NDArray[np.float64]:
        """float64 [K]: share of the evaluation rows at which each concept is true."""
        true = self.true[:, self.evaluation]
        counts = np.bincount(true[true >= 0], minlength=len(self))
        return counts / max(true.shape[1], 1)

    def together(self, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """int64 [K, K]: on how many of the chosen rows, bool [M], two concepts are both true."""
        counts = np.zeros((len(self), len(self)), dtype=np.int64)
        chosen = np.flatnonzero(rows)
        for start in range(0, len(chosen), CHUNK):
            true = self.true[:, chosen[start : start + CHUNK]]
            label, row = np.nonzero(true >= 0)
            flags = np.zeros((len(self), true.shape[1]), dtype=np.float32)
            flags[true[label, row], row] = 1
            # Sums of at most CHUNK ones are exact in single precision.
            counts += (flags @ flags.T).astype(np.int64)
        return counts

    def text(self, concepts: Sequence[int]) -> str:
        """A conjunction of concepts, by number, as a plain sentence."""
        said: dict[str, list[str]] = {}
        for concept in (self.concepts[k] for k in concepts):
            phrases = said.setdefault(concept.subject, [])
            # "is red, in f(B)": only the first needs its verb.
            phrases.append(concept.phrase.removeprefix("is ") if phrases else concept.phrase)
        return "; ".join(f"{subject} {', '.join(phrases)}" for subject, phrases in said.items())


def find_concepts(world: World, batch: QuizBatch, rows: TokenRows, least: int = LEAST) -> Concepts:
    """Every concept that is true, and not true, on ``least`` rows of both splits.

    rows: of the batch. Quizzes of unknown task are left out: what painted them is not known. A
    batch joined with such quizzes has lost its regions, and with them the labels of objects, so
    give the world's own quizzes alone. Of concepts that are true of nearly the same rows, the
    first is kept, in the order of the labels.
    """
    known = np.flatnonzero(rows.task != UNKNOWN_TASK)
    evaluation = rows.evaluation[known]
    concepts: list[Concept] = []
    true: list[NDArray[np.int16]] = []
    labels = world.labels(batch)
    for moment, label, values in _moments(labels, world.wording, rows, known):
        wanted = _frequent(values, evaluation, least)
        if len(wanted):
            true.append(_numbered(values, wanted, len(concepts)))
            concepts += [_concept(world.wording, moment, label, int(value)) for value in wanted]
    stacked = np.stack(true) if true else np.zeros((0, len(known)), dtype=np.int16)
    source = rows.source[rows.quiz[known]]
    return _distinct(Concepts(tuple(concepts), stacked, known, len(rows), source, evaluation))


def _moments(
    labels: Mapping[str, NDArray[np.int16]],
    wording: Wording,
    rows: TokenRows,
    known: NDArray[np.int64],
) -> Iterator[tuple[str, str, NDArray[np.int16]]]:
    """Each label at each moment, int16 [M], -1 where it is missing."""
    quiz, position = rows.quiz[known], rows.position[known]
    for label, values in labels.items():
        if label in wording.of_quiz:
            yield QUIZ, label, values[quiz, position]
        else:
            yield NEXT, label, values[quiz, position]
            yield READ, label, values[quiz, position - 1]


def _numbered(
    values: NDArray[np.int16], wanted: NDArray[np.int64], start: int
) -> NDArray[np.int16]:
    """Numbers from ``start`` in place of the wanted values, in order, and -1 of the others."""
    # The last number is what the value -1 finds.
    numbers = np.full(int(values.max(initial=-1)) + 2, -1, dtype=np.int16)
    numbers[wanted] = start + np.arange(len(wanted))
    return numbers[values]


def _distinct(concepts: Concepts) -> Concepts:
    """The concepts without those that repeat an earlier one."""
    both = concepts.together(np.ones(len(concepts.rows), dtype=np.bool_))
    counts = both.diagonal()
    same = both >= SAME * (counts[:, None] + counts - both)
    kept = np.zeros(len(concepts), dtype=np.bool_)
    for k in range(len(concepts)):
        kept[k] = not (same[k, :k] & kept[:k]).any()
    labels = np.unique(concepts.label_of[kept])
    chosen = tuple(c for c, keep in zip(concepts.concepts, kept, strict=True) if keep)
    numbers = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int16)
    return replace(concepts, concepts=chosen, true=numbers[concepts.true[labels]])


def _frequent(
    values: NDArray[np.int16], evaluation: NDArray[np.bool_], least: int
) -> NDArray[np.int64]:
    """The values that at least ``least`` rows of each split have, and as many have not."""
    size = int(values.max(initial=-1)) + 1
    good = np.ones(size, dtype=np.bool_)
    for half in (evaluation, ~evaluation):
        counts = np.bincount(values[half & (values >= 0)], minlength=size)
        good &= (counts >= least) & (half.sum() - counts >= least)
    return np.flatnonzero(good)


def _concept(wording: Wording, moment: str, label: str, value: int) -> Concept:
    subject = {READ: f"{wording.unit} read", NEXT: f"next {wording.unit}", QUIZ: "quiz"}[moment]
    name, phrase = wording.value(label, value), wording.phrase(label, value)
    return Concept(moment, label, value, name, subject, phrase)
