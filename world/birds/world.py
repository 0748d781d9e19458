"""The birds world: F. Fleuret's first of June 2024, in which birds fly and bounce off walls.

A quiz is two frames, the last some steps after the first. How birds fly is the same in all quizzes
and can be undone, so that either frame is asked for, given the other. There is no example of a
rule, and none is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world.birds.codec import CONTEXT, FIRST, LAST, LAYOUTS, PARTS, Codec
from world.birds.explain import explain
from world.birds.flight import Sky
from world.birds.flocks import APART, OVERLAPPING, Flocks, flocks_apart
from world.birds.hashing import quiz_hash
from world.birds.labels import MOST_WALLS, WALLS, bird_labels, bird_wording
from world.birds.limits import reason_against, refuse_impossible, refuse_unknown
from world.birds.pairs import CHANGES, changed
from world.birds.reading import Reading, read
from world.birds.verifier import Frame, Verdict, answers, as_frame, judge
from world.core.batch import QuizBatch
from world.core.colours import colour, word
from world.core.drawn import DrawnWorld
from world.core.pairs import Counterfactual
from world.core.quiz import QuizWorld, Symmetries
from world.core.rules import ExplainedBy, Explanation
from world.core.view import Piece, View
from world.core.wording import Wording
from world.core.world import Axis, Layout, Part, worlds

BIRD_PARTS = (
    Part("label", 0.0, fixed=True),
    Part("context", 0.1),
    Part("answer", 1.0, graded=True),
    Part("written", 1.0),
)
"""By kind: a frame's label; a frame that nothing implies; one that follows from the other; the same
where it is written and not asked for."""


@worlds.register("birds")
@dataclass(frozen=True)
class BirdsWorld(DrawnWorld, QuizWorld):
    """Quizzes of two frames of flying birds."""

    name: ClassVar[str] = "birds"

    height: int = 6
    """Rows of a frame."""
    width: int = 8
    """Columns of a frame."""
    colours: int = 10
    """Colours beside the background; each bird of a quiz has its own."""
    birds: int = 3
    """Birds in each quiz."""
    speed: int = 2
    """Steps that every bird flies between the frames. It turns back at a wall, so that no speed
    leads out of the grid."""
    tasks: tuple[str, ...] = (APART,)
    """Kinds of quizzes, drawn with equal chances: apart, in which no bird covers another in either
    frame, or overlapping, in which some does and yet each frame tells the state of every bird."""
    held_out_tasks: tuple[str, ...] = (OVERLAPPING,)
    """Kinds to examine agents on that they never met; those among the world's own are left out."""

    def __post_init__(self) -> None:
        refuse_impossible(self.flocks, self.tasks, self.held_out_tasks)

    @property
    def sky(self) -> Sky:
        """What can fly in these frames."""
        return self.flocks.sky

    @cached_property
    def flocks(self) -> Flocks:
        """What quizzes are drawn from."""
        return Flocks(Sky(self.height, self.width), self.birds, self.colours, self.speed)

    @cached_property
    def codec(self) -> Codec:
        """How these frames are written."""
        return Codec(self.height, self.width, self.colours)

    @property
    def vocab(self) -> tuple[str, ...]:
        labels = (f"label of {part}" for part in PARTS)
        return (*(word(value) for value in range(1 + self.colours)), *labels)

    @property
    def seq_len(self) -> int:
        return self.codec.seq_len

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.codec.axes

    @property
    def coordinates(self) -> NDArray[np.int64]:
        return self.codec.coordinates

    @property
    def layouts(self) -> tuple[Layout, ...]:
        return LAYOUTS

    @property
    def directions(self) -> tuple[int, ...]:
        """Forward, birds fly on; backward, they are sought where they were."""
        return (0, 1)

    @property
    def origins(self) -> NDArray[np.int64]:
        return self.codec.origins

    @property
    def slots(self) -> NDArray[np.int64]:
        return self.codec.slots

    @property
    def allowed(self) -> NDArray[np.bool_]:
        return self.codec.allowed

    @property
    def parts(self) -> tuple[Part, ...]:
        return BIRD_PARTS

    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        return self.codec.kinds[batch.layout]

    def frames(self, batch: QuizBatch) -> NDArray[np.unsignedinteger]:
        """[B, 2, G]: the first and the last frame, whatever the layout of each row."""
        return self.codec.frames(self.arrange(batch, 0))

    def generate(
        self,
        rng: np.random.Generator,
        count: int,
        split: int,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        """Quizzes of one split, in layout 0."""
        task = self.choose_tasks(rng, count, split, task_weights)
        frames = np.zeros((count, len(PARTS), self.codec.cells), dtype=self.codec.dtype)
        for index, kind in enumerate(self.tasks):
            rows = np.flatnonzero(task == index)
            frames[rows] = self.flocks.paint(*self.flocks.draw(rng, len(rows), split, kind))
        return self._batch(frames, task.astype(np.int16))

    def _batch(self, frames: NDArray[np.integer], task: NDArray[np.int16]) -> QuizBatch:
        """Quizzes of frames [B, 2, G], in layout 0."""
        return QuizBatch(self.codec.tokens(frames), np.zeros(len(task), np.uint8), task)

    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """Colours may be exchanged, and the grid turned upside down or mirrored."""
        return quiz_hash(self.sky, self.frames(batch), self.colours)

    def units(self) -> dict[str, NDArray[np.int64]]:
        """Of birds that are apart, where they are few enough to be counted."""
        counts = flocks_apart(self.flocks) if APART in self.tasks else None
        return {} if counts is None else {APART: np.array(counts)}

    def symmetries(self, batch: QuizBatch) -> Symmetries:
        readings = self.frames(batch)[:, :, self.sky.reflected].swapaxes(1, 2)
        values = np.arange(self.vocab_size)
        renamable = (values > 0) & (values <= self.colours)
        return Symmetries(readings.reshape(len(batch), 4, 2 * self.codec.cells), renamable)

    def is_trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """Nothing moves, or a frame is empty."""
        frames = self.frames(batch)
        still = (frames[:, FIRST] == frames[:, LAST]).all(axis=1)
        return np.asarray(still | (frames == 0).all(axis=2).any(axis=1))

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        """Cells of the frame that is given replaced."""
        prompt = self.codec.kinds[batch.layout] == CONTEXT
        prompt &= np.isin(batch.layout, self.answer_layouts)[:, None]
        hit = prompt & (rng.random(batch.tokens.shape) < rate)
        noise = rng.integers(self.colours + 1, size=batch.tokens.shape)
        tokens = np.where(hit, noise, batch.tokens).astype(batch.tokens.dtype)
        return replace(batch, tokens=tokens)

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        return bird_labels(self.codec, self.sky, self.speed, batch, self.frames(batch))

    @property
    def wording(self) -> Wording:
        return bird_wording(self.codec, self.tasks)

    def readings(self, batch: QuizBatch) -> tuple[Reading, Reading]:
        """What the first and the last frame of each quiz show."""
        first, last = self.frames(batch).swapaxes(0, 1)
        return read(self.sky, first, self.colours), read(self.sky, last, self.colours)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Beside task and layout: how many birds there are, how many of them meet a wall on their
        way, and how many walls the one that meets most of them meets."""
        few = f"{self.birds} bird{'s' * (self.birds > 1)}"
        bounces = (*map(str, range(self.birds)), f"{self.birds} or more")
        return {
            **super().groups,
            "birds": ("fewer", few, "more"),
            "birds that bounce": bounces,
            "walls met by one": WALLS,
        }

    def group_of(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        first, last = self.readings(batch)
        seen = (first.is_bird & last.is_bird).sum(axis=1)
        met = self._walls_met(first, last)
        found = {
            "birds": 1 + np.sign(seen - self.birds),
            "birds that bounce": np.minimum((met > 0).sum(axis=1), self.birds),
            "walls met by one": np.minimum(met.max(axis=1, initial=0), MOST_WALLS),
        }
        known = seen > 0
        by_birds = {name: np.where(known, v, -1).astype(np.int16) for name, v in found.items()}
        return {**super().group_of(batch), **by_birds}

    def _walls_met(self, first: Reading, last: Reading) -> NDArray[np.int64]:
        """int64 [B, C]: walls that each bird meets; 0 where its state in the first frame is not
        told, or it is not seen in both."""
        known = (first.state >= 0) & last.is_bird
        return np.where(known, self.sky.walls(self.speed)[first.state], 0)

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        """birds: seen in both frames. overlaps: cells of birds that others hide, in both frames.
        bounces: birds that meet a wall. non_bird_cells: those of colours that are no bird, in both.
        colours: different ones."""
        first, last = self.readings(batch)
        both = (first, last)
        strays = [np.where(each.is_bird, 0, each.cells).sum(axis=1) for each in both]
        return {
            "birds": (first.is_bird & last.is_bird).sum(axis=1),
            "overlaps": first.hidden + last.hidden,
            "bounces": (self._walls_met(first, last) > 0).sum(axis=1),
            "non_bird_cells": np.sum(strays, axis=0),
            "colours": ((first.cells > 0) | (last.cells > 0)).sum(axis=1),
        }

    @property
    def view(self) -> View:
        pieces = (
            Piece(name, start, self.height, self.width)
            for name, start in zip(PARTS, self.codec.starts, strict=True)
        )
        values = range(1 + self.colours)
        steps = f"{self.speed} step{'s' * (self.speed > 1)}"
        return View(
            pieces=tuple(pieces),
            palette=tuple(colour(value) for value in values),
            glyphs=("",) * len(values),
            words=tuple(word(value) for value in values),
            about=(
                "A bird is three cells of one colour, a head and an arm on each side behind it. "
                f"From the first frame to the last every bird flies {steps} of one row and one "
                "column, the way that its head points, and turns back at walls."
            ),
            piece="frame",
        )

    def _pictures(self, batch: QuizBatch) -> list[tuple[Frame, Frame]]:
        """Both frames of each quiz, as the verifier reads them."""
        grids = self.frames(batch).reshape(len(batch), len(PARTS), self.height, self.width)
        return [(as_frame(first), as_frame(last)) for first, last in grids.tolist()]

    def flown(self, batch: QuizBatch) -> QuizBatch:
        """The same questions, in the same layouts, answered by the law of this world: for quizzes
        of another speed.

        Raises ValueError where a given frame does not tell the states of all birds.
        """
        first, last = self.readings(batch)
        backward = self.codec.part_at[batch.layout, 0] == LAST
        given = np.where(backward[:, None], last.state, first.state)
        if not np.where(backward, last.told, first.told).all():
            raise ValueError("a given frame does not tell the states of all birds")
        before = self.sky.after(-self.speed)[given]
        start = np.where(backward[:, None] & (given >= 0), before, given)
        return self.arrange(self._batch(self._painted(start), batch.task), batch.layout)

    def verdicts(self, batch: QuizBatch) -> list[Verdict]:
        """What each quiz is, whoever made it: right, ambiguous, wrong, or no birds."""
        return [judge(first, last, self.speed) for first, last in self._pictures(batch)]

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        """Whether birds fly so, and whether some overlap; of all kinds, whichever are drawn."""
        return [explain(first, last, self.speed) for first, last in self._pictures(batch)]

    def follows(self, batch: QuizBatch, task: str) -> NDArray[np.bool_]:
        """bool [B]: whether the birds of each quiz fly so, and are of a kind.

        Raises UserError for a kind that there is not.
        """
        refuse_unknown(task)
        wanted = Explanation(ExplainedBy.TASK, (task,))
        return np.array([found == wanted for found in self.explain(batch)], dtype=np.bool_)

    def rule_answers(self, batch: QuizBatch) -> list[NDArray[np.unsignedinteger]]:
        """For each quiz [n, T], in layout 0: the quiz with every frame that its first one may lead
        to; several where overlaps hide a state."""
        quizzes = []
        for first, _ in self._pictures(batch):
            led = answers(first, self.speed)
            frames = np.zeros((len(led), len(PARTS), self.codec.cells), dtype=self.codec.dtype)
            if led:
                frames[:, FIRST] = np.ravel(first)
                frames[:, LAST] = np.array(led).reshape(len(led), -1)
            quizzes.append(self.codec.tokens(frames))
        return quizzes

    def other_scenes(self) -> BirdsWorld | None:
        """Frames with one bird more, or else with one less."""
        for birds in (self.birds + 1, self.birds - 1):
            flocks = replace(self.flocks, birds=birds)
            if all(reason_against(flocks, task) is None for task in self.tasks):
                return replace(self, birds=birds)
        return None

    def held_out_world(self) -> BirdsWorld | None:
        """The same birds in quizzes of the held-out kinds."""
        names = tuple(
            name
            for name in self.held_out_tasks
            if name not in self.tasks and reason_against(self.flocks, name) is None
        )
        return replace(self, tasks=names) if names else None

    @property
    def counterfactuals(self) -> tuple[str, ...]:
        """One bird in another state, or with its head where it was and another heading."""
        return CHANGES

    def counterfactual(
        self, batch: QuizBatch, kind: str, rng: np.random.Generator
    ) -> Counterfactual:
        """Quizzes in layout 0 with one bird changed in both frames, if their birds fly apart."""
        if kind not in self.counterfactuals:
            known = ", ".join(self.counterfactuals)
            raise ValueError(f"unknown kind {kind!r}; known: {known}")
        plain = self.arrange(batch, 0)
        first, last = self.readings(plain)
        fly = first.told & last.told & (first.hidden + last.hidden == 0)
        fly &= (self._painted(first.state) == self.codec.frames(plain)).all(axis=(1, 2))
        clean, states = plain[fly], first.state[fly]
        other, found = changed(self.sky, self.speed, states, kind, rng)
        clean = clean[found]
        return _contrasted(clean, self._batch(self._painted(other[found]), clean.task))

    def _painted(self, states: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
        """[B, 2, G]: frames of birds in states [B, C], -1 for none, by colour."""
        colours = np.broadcast_to(np.arange(1, self.colours + 1), states.shape)
        return self.flocks.paint(states, colours)


def _contrasted(clean: QuizBatch, other: QuizBatch) -> Counterfactual:
    """Pairs of quizzes in layout 0 whose last frames differ."""
    graded = np.arange(clean.tokens.shape[1]) > clean.tokens.shape[1] // 2
    position = (graded & (clean.tokens != other.tokens)).argmax(axis=1)
    rows = np.arange(len(clean))
    contrast = np.stack([each.tokens[rows, position] for each in (clean, other)], axis=1)
    return Counterfactual(clean, other, position, contrast.astype(np.int64))
