"""What culture needs of a world: quizzes that agents can write, vote on and tell apart.

A quiz has a question and an answer. It can be written in several layouts, in some of which the
answer is asked for; an agent writes a new quiz in the writing layout, token by token.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.world import Layout, World


@dataclass(frozen=True)
class Symmetries:
    """In which disguises quizzes are the same.

    readings: [B, R, M], the free tokens of each quiz in every form that leaves it the same quiz, as
    written in layout 0 first: in another order, or with values exchanged. renamable: bool [V],
    values that may be exchanged for each other throughout a quiz; the others stand for themselves.
    """

    readings: NDArray[np.unsignedinteger]
    renamable: NDArray[np.bool_]


class QuizWorld(World):
    """A world whose sequences are quizzes. D directions."""

    @property
    def directions(self) -> tuple[int, ...]:
        """The layouts in which agents vote on a quiz: one, or two where the question follows from
        the answer as well. The first is that in which it is drawn."""
        return (0,)

    @property
    def example_parts(self) -> int:
        """How many pieces of layout 0 are an example of the rule, which the question of another
        quiz can follow; 0 where a quiz has no example."""
        return 0

    @property
    @abstractmethod
    def layouts(self) -> tuple[Layout, ...]:
        """The orders in which a quiz can be written; ``directions`` are among them."""

    @property
    @abstractmethod
    def origins(self) -> NDArray[np.int64]:
        """int64 [S, T]: where in layout 0 the token at each position of each layout stands."""

    @property
    def writing_layout(self) -> int:
        """Index of the layout in which proposals are written."""
        return next(i for i, layout in enumerate(self.layouts) if not layout.answers)

    @property
    @abstractmethod
    def slots(self) -> NDArray[np.int64]:
        """int64 [S, T]: how many pieces are written before the one that a position belongs to."""

    @property
    @abstractmethod
    def allowed(self) -> NDArray[np.bool_]:
        """bool [S, T, V]: the values that may stand at each position of each layout."""

    @abstractmethod
    def symmetries(self, batch: QuizBatch) -> Symmetries:
        """The disguises of each quiz; quizzes that share one have the same canonical hash."""

    @abstractmethod
    def is_trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """bool [B]: quizzes that ask for nothing, or that are none."""

    @abstractmethod
    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        """Prompt noise: a share ``rate`` of the prompt's last piece replaced at random."""

    def arrange(self, batch: QuizBatch, layout: NDArray[np.uint8] | int) -> QuizBatch:
        wanted = np.broadcast_to(np.asarray(layout, dtype=np.uint8), (len(batch),)).copy()
        origins = self.origins
        places = np.argsort(origins, axis=1)  # of layout 0 in each layout
        order = np.take_along_axis(places[batch.layout], origins[wanted], axis=1)
        regions = batch.regions
        return replace(
            batch,
            tokens=np.take_along_axis(batch.tokens, order, axis=1),
            layout=wanted,
            regions=None if regions is None else np.take_along_axis(regions, order, axis=1),
        )

    def exchanged(self, batch: QuizBatch) -> QuizBatch:
        """Quizzes in layout 0 with the example and the question in each other's place.

        For worlds whose quizzes are both of as many free tokens.
        """
        free = self.allowed[0].sum(axis=1) > 1
        example = np.flatnonzero(free & (self.slots[0] < self.example_parts))
        question = np.flatnonzero(free & (self.slots[0] >= self.example_parts))
        order = np.arange(self.seq_len)
        order[example], order[question] = question, example
        regions = None if batch.regions is None else batch.regions[:, order]
        return replace(batch, tokens=batch.tokens[:, order], regions=regions)

    def answer_mask(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """bool [B, T]: where the answer may be written, known from the question alone.

        By default the graded tokens; more where the answer's length is for the agent to find.
        """
        graded = np.array([*(part.graded for part in self.parts), False])
        return np.asarray(graded[self.part_of(batch)])

    def tidy(self, batch: QuizBatch) -> QuizBatch:
        """What an agent wrote, made well-formed, such as padding after the end of a piece."""
        return batch

    def for_training(
        self, batch: QuizBatch, rng: np.random.Generator, writing_share: float, noise: float
    ) -> QuizBatch:
        """In a layout drawn at random for each quiz, with prompt noise."""
        answers = self.answer_layouts
        share = np.zeros(len(self.layouts))
        share[list(answers)] = (1.0 - writing_share) / len(answers)
        share[self.writing_layout] = writing_share
        layout = rng.choice(len(share), size=len(batch), p=share).astype(np.uint8)
        written = self.arrange(batch, layout)
        return self.corrupt(written, noise, rng) if noise else written
