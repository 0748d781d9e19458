"""Culture of the published experiment: ``c_quizzes.pth``, the quizzes that were kept.

Two lists of tensors, for training and for tests, one tensor a round, in the order A, f(A), B, f(B).
Cells were sampled among all token values there, so one may hold a label, which no cell of a quiz
does here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from culture_sim.culture.batches import first_seen
from culture_sim.imports.reading import MOST_QUIZZES, is_plain, read_saved
from world import UNKNOWN_TASK, QuizBatch, QuizWorld
from world.core.errors import UserError
from world.core.files import file_hash

ORDER, LABEL = "in another order than A, f(A), B, f(B)", "a label in a cell"
TRIVIAL, DUPLICATE = "asks for nothing", "duplicate"
EXAMINED, LEFT = "has a pair of an examination", "more than were asked for"
"""Why quizzes are dropped."""


@dataclass(frozen=True)
class PublishedCulture:
    """Quizzes [N, T] of all rounds, those to train on before those to test with.

    tokens: uint8. round: int64 [N], 1 for the first. tested: bool [N], that were kept for tests.
    rounds: how many there were.
    """

    path: Path
    sha256: str
    tokens: NDArray[np.uint8]
    round: NDArray[np.int64]
    tested: NDArray[np.bool_]
    rounds: int


@dataclass(frozen=True)
class SiftedRound:
    """A round's quizzes that can be culture here, in layout 0; held_out: bool [B], those for tests.

    dropped: how many others there were, by why.
    """

    quizzes: QuizBatch
    hashes: NDArray[np.uint64]
    held_out: NDArray[np.bool_]
    dropped: dict[str, int]


def read_culture(path: Path, world: QuizWorld) -> PublishedCulture:
    """The quizzes in a file; raises UserError, with one line, where it holds something else."""
    saved = read_saved(path, MOST_QUIZZES)
    if not isinstance(saved, tuple | list) or len(saved) != 2:
        raise UserError(f"{path} must hold two lists of quizzes, got {type(saved).__name__}")
    tokens, rounds, tested = [], [], []
    for test, tensors in enumerate(saved):
        if not isinstance(tensors, tuple | list):
            raise UserError(f"{path} must hold two lists of quizzes, got {type(tensors).__name__}")
        for number, tensor in enumerate(tensors, 1):
            rows = _rows(path, tensor, world)
            tokens.append(rows)
            rounds.append(np.full(len(rows), number))
            tested.append(np.full(len(rows), bool(test)))
    if not sum(map(len, tokens)):
        raise UserError(f"{path} holds no quizzes")
    return PublishedCulture(
        path,
        file_hash(path),
        np.concatenate(tokens),
        np.concatenate(rounds),
        np.concatenate(tested),
        max(map(len, saved)),
    )


def _rows(path: Path, tensor: object, world: QuizWorld) -> NDArray[np.uint8]:
    if not (isinstance(tensor, Tensor) and tensor.dtype == torch.int64 and is_plain(tensor)):
        raise UserError(f"{path}: a round's quizzes must be an int64 tensor")
    if tuple(tensor.shape[1:]) != (world.seq_len,) or 8 * tensor.numel() > path.stat().st_size:
        raise UserError(
            f"{path}: a round's quizzes must be stored as [n, {world.seq_len}], got "
            f"{list(tensor.shape)}"
        )
    if tensor.numel() and not 0 <= int(tensor.min()) <= int(tensor.max()) < world.vocab_size:
        raise UserError(f"{path}: tokens must be 0 to {world.vocab_size - 1}")
    return tensor.numpy().astype(np.uint8)


def sift(
    culture: PublishedCulture, world: QuizWorld, exams: QuizBatch, most: int | None = None
) -> list[SiftedRound]:
    """The rounds, without what cannot be culture here; every quiz is there once.

    A quiz to train on that is tested with elsewhere is one to train on. exams: quizzes of which no
    pair is to be learned from. most: quizzes of a round to train on, and as many to test with; None
    for all. Raises UserError for a round of which nothing is left.
    """
    why = _flaws(culture.tokens, world)
    sound = np.flatnonzero(why == "")
    batch = quizzes_in_order(culture.tokens[sound])
    hashes = np.zeros(len(why), dtype=np.uint64)
    hashes[sound] = world.canonical_hash(batch)
    why[sound[world.is_trivial(batch)]] = TRIVIAL
    examined = np.isin(world.units_of(batch), world.units_of(exams)).any(axis=1)
    why[sound[examined]] = EXAMINED
    left = np.flatnonzero(why == "")
    why[left[~first_seen(hashes[left], np.zeros(0, dtype=np.uint64))]] = DUPLICATE
    if most is not None:
        for number in range(1, culture.rounds + 1):
            for tested in (False, True):
                of_part = (culture.round == number) & (culture.tested == tested) & (why == "")
                why[np.flatnonzero(of_part)[most:]] = LEFT
    return [_sifted(culture, number, why, hashes) for number in range(1, culture.rounds + 1)]


def _flaws(tokens: NDArray[np.uint8], world: QuizWorld) -> NDArray[Any]:
    """[N] of text: why a row is no quiz in layout 0, "" where it is one."""
    allowed = world.allowed[0]
    fits = allowed[np.arange(world.seq_len), tokens]
    fixed = allowed.sum(axis=1) == 1
    why = np.full(len(tokens), "", dtype=object)
    why[~fits[:, ~fixed].all(axis=1)] = LABEL
    why[~fits[:, fixed].all(axis=1)] = ORDER
    return why


def quizzes_in_order(tokens: NDArray[np.uint8]) -> QuizBatch:
    """Quizzes of no known task in layout 0."""
    size = len(tokens)
    return QuizBatch(tokens, np.zeros(size, np.uint8), np.full(size, UNKNOWN_TASK, np.int16))


def _sifted(
    culture: PublishedCulture, number: int, why: NDArray[Any], hashes: NDArray[np.uint64]
) -> SiftedRound:
    mine = culture.round == number
    rows = np.flatnonzero(mine & (why == ""))
    if not len(rows):
        raise UserError(
            f"{culture.path}: round {number} has no quiz that can be culture here "
            f"({_said(Counter(why[mine]))}), and rounds after it cannot be told apart"
        )
    return SiftedRound(
        quizzes_in_order(culture.tokens[rows]),
        hashes[rows],
        culture.tested[rows],
        dict(sorted(Counter(why[mine & (why != "")]).items())),
    )


def _said(counts: Counter[str]) -> str:
    said = [f"{count} {reason}" for reason, count in sorted(counts.items())]
    return ", ".join(said) or "it is empty"


def dropped(rounds: Sequence[SiftedRound]) -> dict[str, int]:
    """How many quizzes of all rounds were dropped, by why."""
    total: Counter[str] = Counter()
    for each in rounds:
        total.update(each.dropped)
    return dict(sorted(total.items()))
