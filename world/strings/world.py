"""The strings world: a quiz shows a rule on one string and asks for it on another.

A quiz is x, f(x), z, f(z). Strings have different lengths, so slots are padded and an answer ends
where the agent says; images may be longer than what they are made from. Some rules cannot be
undone, so agents vote in one direction only. It is small, learned in minutes, and everything but
a grid: what holds for it and for grids is held for no world in particular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world.core.batch import QuizBatch
from world.core.drawn import DrawnWorld
from world.core.errors import UserError
from world.core.hashing import hash_rows, pair_hash
from world.core.pairs import Counterfactual
from world.core.quiz import QuizWorld, Symmetries
from world.core.rules import Explanation
from world.core.sampling import redraw
from world.core.view import Piece, View
from world.core.wording import Wording
from world.core.world import Axis, Layout, Part, split_by_hash, worlds
from world.strings.codec import PARTS, Codec
from world.strings.explain import explain
from world.strings.labels import ORDINALS, string_labels, string_wording
from world.strings.task import Strings, read, string_tasks

ALPHABET = tuple("abcdefghijklmnopqrstuvwxyz")
SHORTEST = 2
"""Letters of the shortest string that is drawn."""
PALETTE = ("#d7e7f4", "#fbe5c0", "#cfeadf", "#f3dce9", "#f8d9c5", "#dff0fa", "#faf5c3", "#e5dbea")
"""Tints of Okabe and Ito's colours (2008), in turn for the letters."""
BLANK = "#f4f4f1"
STRING_PARTS = (
    Part("label", 0.0, fixed=True),
    Part("context", 0.1),
    Part("image", 0.3),
    Part("answer", 1.0, graded=True),
)
"""By kind: a string's label; a string that nothing implies; one implied by the string before it
and a rule that is not known yet; one implied by everything before it."""


@worlds.register("strings")
@dataclass(frozen=True)
class StringsWorld(DrawnWorld, QuizWorld):
    """Quizzes of pairs of strings."""

    name: ClassVar[str] = "strings"

    length: int = 6
    """Letters of the longest string that a rule is applied to; its image may have one more."""
    letters: int = 8
    """Letters of the alphabet."""
    tasks: tuple[str, ...] = ("append", "reverse", "shift", "sort")
    """Names of the rules, drawn with equal chances."""
    held_out_tasks: tuple[str, ...] = ("rotate", "swap")
    """Rules to examine agents on that they never met; those among the world's own are left out."""

    def __post_init__(self) -> None:
        if not SHORTEST < self.length < len(ORDINALS):
            most = len(ORDINALS) - 1
            raise UserError(f"world.length must be 3 to {most}, got {self.length}")
        if not 3 <= self.letters <= len(ALPHABET):
            raise UserError(f"world.letters must be 3 to {len(ALPHABET)}, got {self.letters}")
        if not self.tasks:
            raise UserError("world.tasks is empty; name at least one task")
        for option, names in (("tasks", self.tasks), ("held_out_tasks", self.held_out_tasks)):
            if len(set(names)) < len(names):
                raise UserError(f"world.{option} names a task twice: {', '.join(names)}")
        for name in (*self.tasks, *self.held_out_tasks):
            string_tasks[name]  # raises where there is none of that name

    @cached_property
    def codec(self) -> Codec:
        """How the strings are written."""
        return Codec(self.length, self.letters)

    @property
    def vocab(self) -> tuple[str, ...]:
        labels = (f"label of {part}" for part in PARTS)
        return ("end", *ALPHABET[: self.letters], *labels)

    @property
    def seq_len(self) -> int:
        return self.codec.seq_len

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis("position", self.seq_len),)

    @property
    def coordinates(self) -> NDArray[np.int64]:
        return np.arange(self.seq_len)[:, None]

    @property
    def layouts(self) -> tuple[Layout, ...]:
        return self.codec.layouts

    @property
    def example_parts(self) -> int:
        return 2

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
        return STRING_PARTS

    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        kinds = self.codec.kinds[batch.layout]
        return np.where(self.codec.padding(batch), -1, kinds).astype(np.int8)

    def answer_mask(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """The whole slot of the answer: its length is for the agent to find."""
        graded = np.array([part.graded for part in self.parts])
        return np.asarray(graded[self.codec.kinds[batch.layout]])

    def tidy(self, batch: QuizBatch) -> QuizBatch:
        """Padding after the end of each string."""
        tokens = np.where(self.codec.padding(batch), 0, batch.tokens).astype(batch.tokens.dtype)
        return replace(batch, tokens=tokens)

    def generate(
        self,
        rng: np.random.Generator,
        count: int,
        split: int,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        """Quizzes of two different pairs of one split, each of which tells its rule."""
        task = self.choose_tasks(rng, count, split, task_weights)
        strings = np.zeros((count, len(PARTS), self.length + 1), dtype=np.uint8)
        for index, name in enumerate(self.tasks):
            rows = np.flatnonzero(task == index)
            pairs = self._different_pairs(rng, name, len(rows), split)
            strings[rows] = pairs.reshape(len(rows), len(PARTS), self.length + 1)
        return self._batch(strings, task)

    def _different_pairs(
        self, rng: np.random.Generator, task: str, count: int, split: int
    ) -> NDArray[np.uint8]:
        """uint8 [count, 2, 2, length + 1]: for each quiz two pairs of a split that tell a rule."""
        pairs = np.zeros((count, 2, 2, self.length + 1), dtype=np.uint8)
        units = np.zeros((count, 2), dtype=np.uint64)

        def draw(which: int, todo: NDArray[np.int64]) -> NDArray[np.bool_]:
            drawn = self._pairs_of(rng, task, len(todo))
            own = _pair_units(drawn)
            accepted = (own != units[todo, 1 - which]) & (split_by_hash(own) == split)
            # Most are of other splits, and to find the rules of a pair takes longest.
            if len(left := np.flatnonzero(accepted)):
                accepted[left] = self._rules_of(drawn[left, 0], drawn[left, 1]) == 1
            pairs[todo[accepted], which] = drawn[accepted]
            units[todo[accepted], which] = own[accepted]
            return accepted

        for which in range(2):
            redraw(count, partial(draw, which), f"few different strings for task {task!r}")
        return pairs

    def _pairs_of(self, rng: np.random.Generator, task: str, count: int) -> Strings:
        """uint8 [count, 2, length + 1]: strings of any kind and what a rule makes of them."""
        x = self._questions(rng, count)
        return np.stack([x, string_tasks[task]().apply(x, self.letters)], axis=1)

    def _questions(self, rng: np.random.Generator, count: int) -> Strings:
        letters = rng.integers(1, self.letters + 1, size=(count, self.length + 1))
        size = rng.integers(SHORTEST, self.length + 1, size=count)[:, None]
        return np.where(np.arange(self.length + 1) < size, letters, 0).astype(np.uint8)

    def _rules_of(self, strings: Strings, images: Strings) -> NDArray[np.int64]:
        """int64 [n]: how many rules explain a pair; none is a string left as it is."""
        fits = [
            (string_tasks[name]().apply(strings, self.letters) == images).all(axis=1)
            for name in self.tasks
        ]
        return np.sum(fits, axis=0) * (strings != images).any(axis=1)

    def _batch(self, strings: Strings, task: NDArray[np.int64]) -> QuizBatch:
        return QuizBatch(
            self.codec.tokens(strings), np.zeros(len(task), np.uint8), task.astype(np.int16)
        )

    def _strings(self, batch: QuizBatch) -> Strings:
        """uint8 [B, 4, length + 1], whatever the layout of each row."""
        return self.codec.strings(self.arrange(batch, 0))

    def units_of(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """uint64 [B, 2]: of both pairs, whichever string of a pair is the image."""
        pairs = self._strings(batch).reshape(2 * len(batch), 2, self.length + 1)
        return _pair_units(pairs).reshape(len(batch), 2)

    def _pairs(self, batch: QuizBatch) -> Strings:
        return self._strings(batch).reshape(len(batch), 2, 2 * (self.length + 1))

    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """The order of the two pairs changes nothing."""
        one, other = (hash_rows(pair) for pair in self._pairs(batch).swapaxes(0, 1))
        return pair_hash(one, other)

    def symmetries(self, batch: QuizBatch) -> Symmetries:
        """Letters have an order, so that none can be renamed."""
        pairs = self._pairs(batch)
        both = np.stack([pairs, pairs[:, ::-1]], axis=1)
        readings = both.reshape(len(batch), 2, 4 * (self.length + 1))
        return Symmetries(readings, np.zeros(self.vocab_size, dtype=np.bool_))

    def is_trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """An image that is its string, or the example asked for again."""
        x, fx, z, fz = self._strings(batch).swapaxes(0, 1)
        same = [(one == other).all(axis=1) for one, other in ((x, fx), (z, fz), (x, z))]
        return np.any(same, axis=0)

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        """Letters of the question replaced; its length stays."""
        asked = (self.codec.slots[batch.layout] == 2) & (self.codec.place_at[batch.layout] >= 0)
        hit = asked & (batch.tokens > 0) & (rng.random(batch.tokens.shape) < rate)
        hit &= np.isin(batch.layout, self.answer_layouts)[:, None]
        noise = rng.integers(1, self.letters + 1, size=batch.tokens.shape)
        tokens = np.where(hit, noise, batch.tokens).astype(batch.tokens.dtype)
        return replace(batch, tokens=tokens)

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        return string_labels(self.codec, batch, self.arrange(batch, 0))

    @property
    def wording(self) -> Wording:
        return string_wording(self.codec, self.tasks, ALPHABET[: self.letters])

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        """Letters of all four strings."""
        return {"letters": (self._strings(batch) > 0).sum(axis=(1, 2))}

    @property
    def view(self) -> View:
        pieces = tuple(
            Piece(name, start, 1, size - 1)
            for name, start, size in zip(PARTS, self.codec.starts, self.codec.sizes, strict=True)
        )
        tints = (PALETTE[k % len(PALETTE)] for k in range(self.letters))
        letters = ALPHABET[: self.letters]
        return View(
            pieces,
            palette=(BLANK, *tints),
            glyphs=("", *letters),
            words=("end", *letters),
            about="One rule f makes f(x) of x and f(z) of z.",
            piece="string",
        )

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        """How the world's own rules explain each quiz."""
        return [explain(quiz, self.tasks, self.letters) for quiz in self._strings(batch)]

    def follows(self, batch: QuizBatch, task: str) -> NDArray[np.bool_]:
        """bool [B]: whether both pairs of strings obey a rule."""
        rule = string_tasks[task]()
        quizzes = [[read(string) for string in quiz] for quiz in self._strings(batch)]
        obeyed = [
            rule.verify(x, fx, self.letters) and rule.verify(z, fz, self.letters)
            for x, fx, z, fz in quizzes
        ]
        return np.array(obeyed, dtype=np.bool_)

    def rule_answers(self, batch: QuizBatch) -> list[NDArray[np.unsignedinteger]]:
        """For each quiz [n, T], in layout 0: the quiz with every answer that a rule gives."""
        return [self._answered(quiz) for quiz in self._strings(batch)]

    def _answered(self, quiz: Strings) -> NDArray[np.uint8]:
        x, fx = read(quiz[0]), read(quiz[1])
        rules = [string_tasks[name]() for name in self.tasks]
        fitting = [rule for rule in rules if rule.verify(x, fx, self.letters)]
        quizzes = np.tile(quiz, (len(fitting), 1, 1))
        for row, rule in enumerate(fitting):
            quizzes[row, 3] = rule.apply(quiz[2:3], self.letters)[0]
        return np.unique(self.codec.tokens(quizzes), axis=0)

    def held_out_world(self) -> StringsWorld | None:
        """The same strings with the held-out rules."""
        names = tuple(name for name in self.held_out_tasks if name not in self.tasks)
        return replace(self, tasks=names) if names else None

    @property
    def counterfactuals(self) -> tuple[str, ...]:
        """One letter of the question, or the rule that the example shows."""
        return ("letter", "rule")

    def counterfactual(
        self, batch: QuizBatch, kind: str, rng: np.random.Generator
    ) -> Counterfactual:
        """Quizzes of known rule, in layout 0, with one letter of z or the rule changed.

        Those whose answer stays as long and as it was are left out.
        """
        if kind not in self.counterfactuals:
            known = ", ".join(self.counterfactuals)
            raise ValueError(f"unknown kind {kind!r}; known: {known}")
        clean = self.arrange(batch[batch.task >= 0], 0)
        strings, task = self.codec.strings(clean).copy(), clean.task.astype(np.int64)
        if kind == "letter":
            place = (rng.random(len(clean)) * (strings[:, 2] > 0).sum(axis=1)).astype(np.int64)
            strings[np.arange(len(clean)), 2, place] = rng.integers(
                1, self.letters + 1, size=len(clean)
            )
        else:
            step = rng.integers(1, max(len(self.tasks), 2), size=len(clean))
            task = (task + step) % len(self.tasks)
        for index, name in enumerate(self.tasks):
            rows = task == index
            for part in (0, 2):
                strings[rows, part + 1] = string_tasks[name]().apply(
                    strings[rows, part], self.letters
                )
        return self._contrasted(clean, self._batch(strings, task))

    def _contrasted(self, clean: QuizBatch, changed: QuizBatch) -> Counterfactual:
        """The pairs whose answers are equally long and differ."""
        graded = self.answer_mask(clean)
        same = ((clean.tokens > 0) == (changed.tokens > 0)).all(axis=1)
        differ = graded & (clean.tokens != changed.tokens)
        rows = np.flatnonzero(same & differ.any(axis=1))
        clean, changed, position = clean[rows], changed[rows], differ[rows].argmax(axis=1)
        index = np.arange(len(rows))
        contrast = np.stack([b.tokens[index, position] for b in (clean, changed)], axis=1)
        return Counterfactual(clean, changed, position, contrast.astype(np.int64))


def _pair_units(pairs: Strings) -> NDArray[np.uint64]:
    """uint64 [n] of pairs of strings [n, 2, length + 1], whichever comes first."""
    hashes = hash_rows(pairs.reshape(-1, pairs.shape[-1]))
    return pair_hash(hashes[0::2], hashes[1::2])
