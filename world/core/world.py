"""The World interface: a source of token sequences, and what is true of every token of them.

Networks, probes and autoencoders are written against this interface and need no more, so a world
of strings or moving objects needs no change outside ``world/``. What culture needs of a world
stands in ``world.core.quiz``, pairs of sequences for patching in ``world.core.pairs``, rules that
explain a sequence in ``world.core.rules``; a world offers those it can.

A world is a frozen dataclass; its fields are its options, so the object is its configuration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.errors import UserError
from world.core.hashing import hash_rows
from world.core.registry import Registry
from world.core.seeds import Stream
from world.core.show import Quizzes
from world.core.view import Panel, View, draw_png, draw_svg, draw_text
from world.core.wording import Wording

if TYPE_CHECKING:
    from PIL import Image

TRAIN = "train"
"""The split that agents learn from; quizzes of every other are held out from them."""


@dataclass(frozen=True)
class Part:
    """A kind of token: how much it counts while training, and whether the answer hangs on it.

    weight: of its tokens in the loss. graded: a sequence is answered exactly when all its graded
    tokens are. fixed: the layout alone decides its tokens, so that there is nothing to learn, and
    activations at them are left out where agents are compared.
    """

    name: str
    weight: float
    graded: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Layout:
    """An order in which the pieces of a sequence are written.

    name: the pieces in order, such as "A,fA,B,fB". parts: their indices, in the order written.
    answers: True when what is graded follows from all before it; False when only used to write.
    """

    name: str
    parts: tuple[int, ...]
    answers: bool


@dataclass(frozen=True)
class Axis:
    """One coordinate of a position, such as ("row", 7): values 0 .. size - 1."""

    name: str
    size: int


SHARES = (0.8, 0.1, 0.1)
"""Of units, by split."""


_SPLIT_OF_TENTH = np.array([0] * 8 + [1, 2], dtype=np.uint8)


def split_by_hash(units: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """uint8, of the shape of ``units``: 80 % in split 0 (train), 10 % in 1 (test), 10 % in 2
    (sae)."""
    return _SPLIT_OF_TENTH[(units >> np.uint64(40)) % np.uint64(10)]


class World(ABC):
    """A source of sequences. T tokens a sequence, V token values, S layouts, P parts.

    What a sequence is made of, its units, decides its split, whatever seed or run draws it: no unit
    of a held-out sequence is ever part of one that agents learn from.
    """

    name: ClassVar[str]
    tasks: tuple[str, ...]
    """What sequences are drawn from, by name: ``QuizBatch.task`` counts them."""
    splits: ClassVar[tuple[str, ...]] = (TRAIN, "test", "sae")
    """Every world has these; one may have more."""

    # ---- tokens

    @property
    @abstractmethod
    def vocab(self) -> tuple[str, ...]:
        """V names: what each token value is called. Value 0 also starts every sequence."""

    @property
    def vocab_size(self) -> int:
        """V: token values."""
        return len(self.vocab)

    @property
    def token_dtype(self) -> np.dtype[np.unsignedinteger]:
        """The smallest unsigned type that holds every token value."""
        return np.min_scalar_type(self.vocab_size - 1)

    @property
    @abstractmethod
    def seq_len(self) -> int:
        """T: tokens in a sequence, padding included."""

    @property
    @abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """The coordinates that name a position."""

    @property
    @abstractmethod
    def coordinates(self) -> NDArray[np.int64]:
        """int64 [T, n_axes]: the coordinates of each position."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Part, ...]:
        """P kinds of tokens, of which at least one is graded."""

    @abstractmethod
    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        """int8 [B, T]: index into ``parts`` of every token; -1 is padding."""

    # ---- sequences

    @abstractmethod
    def draw(
        self,
        stream: Stream,
        start: int,
        count: int,
        split: str,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        """Sequences ``start .. start + count`` of a stream, of one split, in layout 0.

        Index-addressed: the sequence at an index does not depend on how the range was cut.
        task_weights: what the chance of each task is proportional to; None: all are equally
        likely. Raises ValueError on an unknown split.
        """

    def tasks_in(self, split: str) -> tuple[int, ...]:
        """Indices of the tasks that have sequences in a split; by default all of them."""
        return tuple(range(len(self.tasks)))

    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """uint64 [B]: equal for sequences that are the same up to the world's symmetries."""
        return hash_rows(self.arrange(batch, 0).tokens)

    def units_of(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """uint64 [B, U]: hashes of what could be learned by heart, up to the world's symmetries.

        Of a quiz, each of its pairs. By default a sequence is its own unit.
        """
        return self.canonical_hash(batch)[:, None]

    def unit_split_of(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """uint8 [B, U]: the split of each unit, by default 80 % train, 10 % test and 10 % sae."""
        return split_by_hash(self.units_of(batch))

    def split_of(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """uint8 [B]: index into ``splits``, which is that of all units of a drawn sequence.

        One that an agent wrote may mix units: if any is held out, so is the sequence.
        """
        return self.unit_split_of(batch).max(axis=1)

    def with_tasks(self, tasks: tuple[str, ...]) -> Self:
        """The same world with other tasks; raises UserError where it has no choice of them."""
        if not any(field.name == "tasks" for field in fields(self)):  # type: ignore[arg-type]
            raise UserError(f"the world {self.name!r} has no choice of tasks")
        return replace(self, tasks=tasks)  # type: ignore[type-var]

    def units(self) -> Mapping[str, NDArray[np.int64]]:
        """By task: how many different units each split has, int64 [splits]; without the tasks of
        which they are too many to count, or not counted."""
        return {}

    def other_scenes(self) -> Self | None:
        """The same world with other scenes than any that it draws, as long and in the same tokens,
        to examine agents beyond what they learned; None where it has none."""
        return None

    def new_objects(self) -> Self | None:
        """The same world with objects that no sequence of any split can show, as long and in the
        same tokens, to examine agents on what they cannot have seen; None where it has none."""
        return None

    def other_answers(self, batch: QuizBatch) -> tuple[QuizBatch, NDArray[np.int64]]:
        """Sequences of ``batch`` with another right answer, once for each, and int64 their rows.

        None by default: what a sequence asks for follows from the rest of it.
        """
        return batch[:0], np.zeros(0, dtype=np.int64)

    @property
    def known_as(self) -> str:
        """What the world's source calls runs of it, for trackers; "" where it has no name."""
        return ""

    # ---- layouts: a world that has one order alone says nothing of them

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The orders in which a sequence can be written; it is drawn in the first."""
        return (Layout("as drawn", (0,), answers=True),)

    def arrange(self, batch: QuizBatch, layout: NDArray[np.uint8] | int) -> QuizBatch:
        """The same sequences in other layouts (one for all, or one each)."""
        if len(self.layouts) > 1:
            raise NotImplementedError(f"{type(self).__name__} must say how sequences are arranged")
        if np.any(layout):
            raise ValueError(f"world {self.name!r} has one layout")
        return batch

    @property
    def answer_layouts(self) -> tuple[int, ...]:
        """Indices of the layouts in which a sequence can be graded."""
        return tuple(i for i, layout in enumerate(self.layouts) if layout.answers)

    def for_exam(self, batch: QuizBatch, start: int = 0) -> QuizBatch:
        """The sequences as agents are graded on them: in the answer layouts, in turn.

        start: index of the first sequence in the series whose turn is taken.
        """
        answers = np.array(self.answer_layouts, dtype=np.uint8)
        return self.arrange(batch, answers[(start + np.arange(len(batch))) % len(answers)])

    def for_training(
        self, batch: QuizBatch, rng: np.random.Generator, writing_share: float, noise: float
    ) -> QuizBatch:
        """The sequences as agents learn from them: by default as they are drawn.

        writing_share: share of the layout in which proposals are written, where there is one.
        noise: share of prompt tokens replaced at random, where the world has a prompt.
        """
        return batch

    # ---- what is known of them

    @abstractmethod
    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        """Ground truth at every token, int16 [B, T] by name; -1 where it has no meaning."""

    @property
    def wording(self) -> Wording:
        """How labels are said in plain English."""
        return Wording(values={"task": self.tasks, "layout": tuple(s.name for s in self.layouts)})

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the groups by which accuracy is told, by what they group by."""
        return {"task": self.tasks, "layout": tuple(layout.name for layout in self.layouts)}

    def group_of(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        """int16 [B] for each of ``groups``: index of its group; -1 where it is in none."""
        return {"task": batch.task, "layout": batch.layout.astype(np.int16)}

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        """What each sequence shows, in plain counts int64 [B] by name, if the world has any."""
        return {}

    # ---- pictures

    @property
    @abstractmethod
    def view(self) -> View:
        """How sequences look: all that a program needs to draw them, in layout 0."""

    def text(self, batch: QuizBatch, row: int, plain: bool = False) -> str:
        """One sequence for a terminal, in colour unless ``plain``."""
        return draw_text(self._panels(batch, row), plain)

    def svg(
        self,
        batch: QuizBatch,
        row: int,
        overlay: NDArray[np.float32] | None = None,
        wrong: NDArray[np.bool_] | None = None,
    ) -> str:
        """One sequence as inline SVG; overlay [T] in 0..1 is drawn as dots, wrong [T] as crosses.

        Both are of the sequence as it is written.
        """
        return draw_svg(self._panels(batch, row, overlay, wrong))

    def _panels(
        self,
        batch: QuizBatch,
        row: int,
        overlay: NDArray[np.float32] | None = None,
        wrong: NDArray[np.bool_] | None = None,
    ) -> list[Panel]:
        """What is drawn of one sequence, its pieces in the order written."""
        one = batch[row : row + 1]
        numbers = np.arange(self.seq_len, dtype=np.uint32)[None]
        # Where the token at each position of layout 0 stands in the sequence as written.
        places = self.arrange(replace(one, tokens=numbers, regions=None), 0).tokens[0]
        return self.view.panels(
            self.arrange(one, 0).tokens[0],
            self.layouts[batch.layout[row]].parts,
            None if overlay is None else overlay[places],
            None if wrong is None else wrong[places],
        )

    def show(self, batch: QuizBatch) -> Quizzes:
        """Sequences that a notebook shows as pictures."""
        return Quizzes(self, batch)

    def png(self, batch: QuizBatch, row: int) -> Image.Image:
        """One sequence as a picture."""
        return draw_png(self._panels(batch, row))


worlds: Registry[type[World]] = Registry("world", "world", World)


def require_offer(world: World, kind: type, purpose: str) -> None:
    """Raise UserError where a world does not offer what a command needs."""
    if not isinstance(world, kind):
        raise UserError(f"{purpose}, which the world {world.name!r} does not offer")
