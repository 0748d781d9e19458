"""The World interface: a source of token sequences with a part to be answered.

Nothing here speaks of grids, colours or two dimensions: agents and SAEs are written against
this interface, so that a world of strings or moving objects needs no change outside ``world/``.
A world is a frozen dataclass; its fields are its options, so the object is its configuration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.drawing import Drawing
from world.core.explanation import Explanation, Kind
from world.core.registry import Registry
from world.core.seeds import Stream
from world.core.wording import Wording


class TokenRole(IntEnum):
    """What a token is, under a layout: decides its weight in the loss."""

    LABEL = 0  # fixed by the layout, nothing to learn
    CONTEXT = 1  # free: must be modelled to propose quizzes, but mostly noise
    IMAGE = 2  # implied by the part before it and a rule that is not known yet
    ANSWER = 3  # implied by everything before it


@dataclass(frozen=True)
class Layout:
    """An order in which the parts of a quiz are written.

    name: the parts in order, such as "A,fA,B,fB".
    parts: indices of the parts in the order written.
    answers: True when the last part is the answer; False when only used to generate.
    """

    name: str
    parts: tuple[int, ...]
    answers: bool


@dataclass(frozen=True)
class Axis:
    """One coordinate of a position, such as ("row", 7): values 0 .. size - 1."""

    name: str
    size: int


SPLITS = ("train", "test", "sae")


class World(ABC):
    """A source of quizzes. S layouts, T tokens a sequence, V token values.

    Splits are decided by the canonical hash of a quiz, not by its seed: whatever seed or run
    draws it, a quiz is always in the same split, so splits cannot overlap.
    """

    name: ClassVar[str]
    tasks: tuple[str, ...]

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """V: token values, labels included. Token 0 also stands for the start of a sequence."""

    @property
    @abstractmethod
    def seq_len(self) -> int:
        """T: tokens in a sequence."""

    @property
    @abstractmethod
    def layouts(self) -> tuple[Layout, ...]:
        """Forward first, backward second; the answer layouts before the generating one."""

    @property
    @abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """The coordinates that name a position."""

    @property
    @abstractmethod
    def coordinates(self) -> NDArray[np.int64]:
        """int64 [T, n_axes]: the coordinates of each token."""

    @property
    @abstractmethod
    def roles(self) -> NDArray[np.int8]:
        """int8 [S, T]: the TokenRole of each token under each layout."""

    @property
    @abstractmethod
    def allowed(self) -> NDArray[np.bool_]:
        """bool [S, T, V]: the values that may stand at each place under each layout."""

    @abstractmethod
    def draw(
        self,
        stream: Stream,
        start: int,
        count: int,
        split: str,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        """Quizzes ``start .. start + count`` of a stream, of one split, in layout 0.

        Index-addressed: the quiz at an index does not depend on how the range was cut.
        task_weights: what the chance of each task is proportional to; None: all are equally likely.
        """

    @abstractmethod
    def arrange(self, batch: QuizBatch, layout: NDArray[np.uint8] | int) -> QuizBatch:
        """The same quizzes written in other layouts (one for all, or one each)."""

    @abstractmethod
    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """uint64 [B]: equal for quizzes that are the same up to the world's symmetries."""

    @abstractmethod
    def readings(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """uint8 [B, R, M]: the free values of each quiz, in every order that leaves it the same
        quiz, as written in layout 0 first. Value 0 is itself, the others may be renamed."""

    @abstractmethod
    def trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """bool [B]: quizzes that ask for nothing."""

    @abstractmethod
    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        """Prompt noise: a share ``rate`` of the prompt's last part replaced at random."""

    @abstractmethod
    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        """Ground truth at every token, int16 [B, T] by name; -1 where it has no meaning."""

    @property
    def wording(self) -> Wording:
        """How the labels are said in plain English."""
        layouts = tuple(layout.name for layout in self.layouts)
        return Wording(values={"task": self.tasks, "layout": layouts})

    def label_values(self, name: str) -> tuple[str, ...]:
        """What the values 0, 1, ... of a label are called; empty where they are mere numbers."""
        return self.wording.values.get(name, ())

    def science(self) -> World | None:
        """The same world with tasks that are not its own, to examine agents on what they never
        met; None where it has no others."""
        return None

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        """What each quiz shows, in plain counts int64 [B] by name, if the world has any."""
        return {}

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        """How the world's own tasks explain each quiz, whoever made it."""
        return [Explanation(Kind.NONE)] * len(batch)

    def implied(self, batch: QuizBatch) -> list[NDArray[np.uint8]]:
        """For each quiz uint8 [n, T], in layout 0: the quiz with every answer that a rule of
        the world's tasks gives which explains its example."""
        return [np.zeros((0, self.seq_len), dtype=np.uint8)] * len(batch)

    @abstractmethod
    def ansi(self, batch: QuizBatch, row: int) -> str:
        """One quiz for a terminal."""

    @abstractmethod
    def svg(
        self,
        batch: QuizBatch,
        row: int,
        overlay: NDArray[np.float32] | None = None,
        wrong: NDArray[np.bool_] | None = None,
    ) -> str:
        """One quiz as inline SVG; overlay [T] in 0..1 is drawn as marks, wrong [T] as crosses."""

    def drawing(self) -> Drawing | None:
        """What a program needs to draw quizzes by itself; None where only ``svg`` can."""
        return None

    def split(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """uint8 [B]: index into SPLITS; 80 % train, 10 % test, 10 % sae."""
        tenth = (hashes >> np.uint64(40)) % np.uint64(10)
        return np.select([tenth == 8, tenth == 9], [1, 2], 0).astype(np.uint8)

    @property
    def answer_layouts(self) -> tuple[int, ...]:
        """Indices of the layouts whose last part is the answer."""
        return tuple(i for i, s in enumerate(self.layouts) if s.answers)

    @property
    def generating_layout(self) -> int:
        """Index of the layout in which proposals are written."""
        return next(i for i, s in enumerate(self.layouts) if not s.answers)


worlds: Registry[type[World]] = Registry("world", "world")
