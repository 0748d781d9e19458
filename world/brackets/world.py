"""The brackets world: a quiz is a string of brackets, and whether it is balanced.

A string can fail to be balanced in its count, in its nesting, or in both. An agent trained on
strings of which a count tells all has learned a stack or a counter, and only strings with as many
opening as closing brackets tell which. The share of these is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from world.brackets import codec as tokens_of
from world.brackets import generators
from world.brackets.changes import CHANGES, changed
from world.brackets.codec import Codec
from world.brackets.labels import bracket_labels, bracket_wording
from world.brackets.nesting import (
    BALANCED,
    CLOSE,
    EQUAL,
    KINDS,
    OPEN,
    UNEQUAL,
    Brackets,
    depths,
    heights,
    kinds_of,
    lengths,
    lows,
    mirrored,
)
from world.brackets.options import TASKS, UNBALANCED, refuse_impossible
from world.brackets.scratch import NO, YES, Scratch
from world.brackets.view import bracket_view
from world.core.batch import UNKNOWN_TASK, QuizBatch
from world.core.drawn import DrawnWorld
from world.core.errors import UserError
from world.core.hashing import hash_rows, pair_hash
from world.core.pairs import Counterfactual
from world.core.quiz import QuizWorld, Symmetries
from world.core.rules import ExplainedBy, Explanation
from world.core.sampling import too_small
from world.core.view import View
from world.core.wording import Wording
from world.core.world import SHARES, Axis, Layout, Part, split_by_hash, worlds

SPARE, MISSES = 256, 100
"""Strings that are drawn beyond those expected to be needed, and times in a row that there is none
of a split and kind among them before there are held to be none."""
WRITTEN_WEIGHT = 0.1
"""Of tokens in the writing layout: a string has many, a verdict is one."""


@worlds.register("brackets")
@dataclass(frozen=True)
class BracketsWorld(DrawnWorld, QuizWorld):
    """Strings of brackets that are balanced or not."""

    name: ClassVar[str] = "brackets"

    length: int = 40
    """Brackets of the longest string; even, as all lengths are."""
    shortest: int = 2
    """Brackets of the shortest string."""
    lengths: Literal["binomial", "uniform", "longest"] = "binomial"
    """How often each length comes: by coins, middle ones most often; all alike; the longest only.
    Of short strings there are few, and those of other splits are drawn again, length and all."""
    balanced: Literal["walk", "uniform"] = "walk"
    """How balanced strings are drawn: bracket by bracket, by a coin where both can stand; or all of
    a length equally likely."""
    unequal: Literal["random", "flip", "spread"] = "random"
    """Unbalanced strings with another number of closing than of opening brackets: random brackets;
    a balanced string with one turned round; or any surplus of either, all equally likely."""
    shallowest: int = 0
    """Least depth of balanced strings (and of those that flip turns), all depths from it to
    ``deepest`` equally likely; 0 with ``deepest`` 0 takes the depths that come."""
    deepest: int = 0
    """Greatest depth of such strings; 0 is any. Deeper ones are then an exam (``other_scenes``)."""
    equal_count_share: float = 0.0
    """Share of the task unbalanced that has as many opening as closing brackets, in every 1,024
    quizzes to one string. With 0, those are the held-out task."""
    scratch: Scratch = "none"
    """What an agent writes before its verdict: nothing, the count after every bracket, or what is
    left when matched pairs are cancelled one by one."""
    backwards: bool = True
    """Ask for the verdict on the string read from its end as well, and vote both ways. A scratchpad
    follows one reading only, so that there is no other with it."""
    string_weight: float = 0.0
    """Weight in the loss of the brackets before the verdict, whose own is 1: with 0 an agent learns
    to classify, with more also which string comes."""
    tasks: tuple[str, ...] = ("balanced", UNBALANCED)
    """What is drawn, with equal chances: balanced, unbalanced, or single kinds of the latter: count
    (ends at another height than 0), dip (below 0 on the way), dip_first (so at the first bracket),
    count_dip and count_dip_first (both)."""

    def __post_init__(self) -> None:
        refuse_impossible(self)

    @cached_property
    def codec(self) -> Codec:
        """How strings and verdicts are written."""
        return Codec(self.length, self.scratch, self.backwards and self.scratch == "none")

    @property
    def vocab(self) -> tuple[str, ...]:
        return self.codec.vocab

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
    def directions(self) -> tuple[int, ...]:
        return self.answer_layouts

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
        return (
            Part("mark", 0.0, fixed=True),
            Part("bracket", self.string_weight),
            Part("written", WRITTEN_WEIGHT),
            Part("scratch", 1.0, graded=True),
            Part("verdict", 1.0, graded=True),
        )

    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        origin = self.origins[batch.layout]
        ends = np.isin(batch.tokens, (tokens_of.BLANK, YES, NO))
        answer = np.where(ends, tokens_of.VERDICT, tokens_of.SCRATCH)
        part = np.where(origin >= self.codec.answer, answer, tokens_of.READ)
        part[batch.layout == self.writing_layout] = tokens_of.WRITTEN
        part[(origin == 0) | (origin == self.codec.end_mark)] = tokens_of.MARK
        return np.where(self._padding(batch), -1, part).astype(np.int8)

    def _padding(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """bool [B, T]: what stands behind the end of a piece."""
        blanks = self.codec.blanks(self.arrange(batch, 0))
        return np.take_along_axis(blanks, self.origins[batch.layout], axis=1)

    def answer_mask(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """All places of scratchpad and verdict: where the verdict comes is for the agent to say."""
        asked = (batch.layout != self.writing_layout)[:, None]
        return asked & (self.origins[batch.layout] >= self.codec.answer)

    def tidy(self, batch: QuizBatch) -> QuizBatch:
        """Blanks behind a string and behind a verdict."""
        tokens = np.where(self._padding(batch), tokens_of.BLANK, batch.tokens)
        return replace(batch, tokens=tokens.astype(batch.tokens.dtype))

    # ---- drawing

    def generate(
        self,
        rng: np.random.Generator,
        count: int,
        split: int,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        task = self.choose_tasks(rng, count, split, task_weights)
        strings = np.zeros((count, self.length), dtype=np.uint8)
        for rows, kinds in self._shares(rng, task):
            strings[rows] = self._strings(rng, kinds, len(rows), split)
        return QuizBatch(
            self.codec.tokens(strings), np.zeros(count, np.uint8), task.astype(np.int16)
        )

    def _shares(
        self, rng: np.random.Generator, task: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], tuple[int, ...]]]:
        """Rows and the kinds of string that they are to have."""
        for index, name in enumerate(self.tasks):
            rows = np.flatnonzero(task == index)
            if name != UNBALANCED:
                yield rows, TASKS[name]
                continue
            # Rounded up or down by chance, so that the mean over draws is exact too.
            equal = int(self.equal_count_share * len(rows) + rng.random())
            mixed = rng.permutation(rows)
            yield mixed[:equal], EQUAL
            yield mixed[equal:], UNEQUAL

    def _strings(
        self, rng: np.random.Generator, kinds: tuple[int, ...], count: int, split: int
    ) -> Brackets:
        """uint8 [count, length]: strings of some kinds and of one split, by rejection."""
        kept = [np.zeros((0, self.length), dtype=np.uint8)]
        missing, misses = count, 0
        while missing:
            drawn = self._drawn(rng, kinds, int(missing / SHARES[split]) + SPARE)
            fits = np.isin(kinds_of(drawn), kinds)
            fits[fits] = split_by_hash(_units(drawn[fits])) == split
            kept.append(drawn[fits][:missing])
            missing -= len(kept[-1])
            misses = 0 if len(kept[-1]) else misses + 1
            if misses == MISSES:
                names = " or ".join(KINDS[kind] for kind in kinds)
                raise too_small(f"few strings of kind {names}")
        return np.concatenate(kept)

    def _drawn(self, rng: np.random.Generator, kinds: tuple[int, ...], count: int) -> Brackets:
        """Strings among which there are some of these kinds."""
        sizes = self._sizes(rng, count)
        if kinds == (BALANCED,):
            return self._balanced(rng, sizes)
        if set(kinds) <= {*EQUAL}:
            return generators.equal(rng, sizes, self.length)
        if self.unequal == "flip":
            return generators.flipped(rng, self._balanced(rng, sizes), sizes)
        make = generators.spread if self.unequal == "spread" else generators.anything
        return make(rng, sizes, self.length)

    def _sizes(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """int64 [count]: lengths of strings."""
        most = (self.length - self.shortest) // 2
        steps = {
            "binomial": lambda: rng.binomial(most, 0.5, count),
            "uniform": lambda: rng.integers(most + 1, size=count),
            "longest": lambda: np.full(count, most),
        }[self.lengths]()
        return np.asarray(self.shortest + 2 * steps, dtype=np.int64)

    def _balanced(self, rng: np.random.Generator, sizes: NDArray[np.int64]) -> Brackets:
        if self.balanced == "uniform":
            return generators.uniform(rng, sizes, self.length)
        if not (self.shallowest or self.deepest):
            return generators.walk(rng, sizes, self.length)
        least = max(1, self.shallowest)
        most = np.minimum(self.deepest or self.length, sizes // 2)
        depth = least + (rng.random(len(sizes)) * (most - least + 1)).astype(np.int64)
        return generators.walk_of_depth(rng, sizes, self.length, depth)

    def other_scenes(self) -> BracketsWorld | None:
        """Strings deeper than ``deepest``, where that leaves any out."""
        deeper = self.deepest + 1
        if not 1 < deeper <= self.length // 2:
            return None
        shortest = max(self.shortest, 2 * deeper)
        return replace(self, shallowest=deeper, deepest=0, shortest=shortest)

    # ---- what is the same, and what is none

    def strings(self, batch: QuizBatch) -> Brackets:
        """uint8 [B, length]: the strings, from left to right, whatever the layouts."""
        return self.codec.strings(self.arrange(batch, 0))

    def _as_read(self, batch: QuizBatch) -> Brackets:
        """uint8 [B, length]: the strings as they are read: mirrored where from the end."""
        strings = self.strings(batch)
        backwards = self.codec.backwards & (batch.layout == 1)
        return np.where(backwards[:, None], mirrored(strings), strings).astype(np.uint8)

    def units_of(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """uint64 [B, 1]: of the string, which its mirror image shares."""
        return _units(self.strings(batch))[:, None]

    def symmetries(self, batch: QuizBatch) -> Symmetries:
        """A string and its mirror image, each with the verdict; scratchpads are of no account."""
        plain = self.arrange(batch, 0)
        verdict = self.codec.verdicts(plain)[:, None]
        strings = self.codec.strings(plain)
        both = (strings, mirrored(strings))
        readings = [np.concatenate([each, verdict], axis=1) for each in both]
        return Symmetries(np.stack(readings, axis=1), np.zeros(self.vocab_size, dtype=np.bool_))

    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """Of the string, which its mirror image shares, and the verdict."""
        one, other = self.symmetries(batch).readings.swapaxes(0, 1)
        return pair_hash(hash_rows(one), hash_rows(other))

    def is_trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """No bracket, an odd number of them, or no verdict."""
        plain = self.arrange(batch, 0)
        size = lengths(self.codec.strings(plain))
        return (size == 0) | (size % 2 == 1) | (self.codec.verdicts(plain) == 0)

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        """Brackets of the string replaced by any; its length stays, the verdict may be wrong."""
        asked = self.part_of(batch) == tokens_of.READ
        asked &= np.isin(batch.tokens, (OPEN, CLOSE))
        hit = asked & (rng.random(batch.tokens.shape) < rate)
        noise = rng.integers(OPEN, CLOSE + 1, size=batch.tokens.shape)
        tokens = np.where(hit, noise, batch.tokens).astype(batch.tokens.dtype)
        return replace(batch, tokens=tokens)

    # ---- what is known

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        return bracket_labels(self.codec, batch, self._as_read(batch), self._padding(batch))

    @property
    def wording(self) -> Wording:
        return bracket_wording(self.codec, self.tasks)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        return {**super().groups, "kind": KINDS}

    def group_of(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        """The kind is that of the string as it is read."""
        kind = kinds_of(self._as_read(batch)).astype(np.int16)
        return {**super().group_of(batch), "kind": kind}

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        """Of the string from left to right: brackets; the surplus of either; the greatest height
        before the first one below zero; how far below zero it goes; 1 where it begins with a
        closing bracket."""
        strings = self.strings(batch)
        height = heights(strings)
        return {
            "length": lengths(strings),
            "surplus": np.abs(height[:, -1]),
            "depth": depths(strings),
            "dip": -lows(height)[:, -1],
            "closes_first": (strings[:, 0] == CLOSE).astype(np.int64),
        }

    @property
    def view(self) -> View:
        return bracket_view(self.codec)

    # ---- rules

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        """By the task that draws its string, where the answer is right."""
        task = np.where(self._right(batch), self._tasks_of(self.strings(batch)), UNKNOWN_TASK)
        return [
            Explanation(ExplainedBy.NONE)
            if index == UNKNOWN_TASK
            else Explanation(ExplainedBy.TASK, (self.tasks[index],))
            for index in task.tolist()
        ]

    def _tasks_of(self, strings: Brackets) -> NDArray[np.int16]:
        """int16 [n]: index of the task that draws such strings; UNKNOWN_TASK for none."""
        task = np.full(len(KINDS), UNKNOWN_TASK, dtype=np.int16)
        for index, name in enumerate(self.tasks):
            task[list(TASKS[name])] = index
        return task[kinds_of(strings)]

    def follows(self, batch: QuizBatch, task: str) -> NDArray[np.bool_]:
        """bool [B]: whether the answer is right, and the string one that the task may draw.

        Raises UserError for an unknown task.
        """
        if task not in TASKS:
            raise UserError(f"unknown task {task!r}; known: {', '.join(TASKS)}")
        return self._right(batch) & np.isin(kinds_of(self.strings(batch)), TASKS[task])

    def _right(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """bool [B]: quizzes that ask for something and are answered right."""
        plain = self.tidy(self.arrange(batch, 0))
        right = (plain.tokens == self.codec.tokens(self.codec.strings(plain))).all(axis=1)
        return np.asarray(right & ~self.is_trivial(plain))

    def rule_answers(self, batch: QuizBatch) -> list[NDArray[np.unsignedinteger]]:
        """For each quiz [1, T], in layout 0: the quiz with the right answer."""
        return list(self.codec.tokens(self.strings(batch))[:, None])

    def held_out_world(self) -> BracketsWorld | None:
        """The same strings of those kinds with equal counts that are never drawn."""
        drawn = {kind for name in self.tasks for kind in TASKS[name]}
        if not self.equal_count_share and UNBALANCED in self.tasks:
            drawn -= {*EQUAL}
        names = tuple(KINDS[kind] for kind in EQUAL if kind not in drawn)
        return replace(self, tasks=names, equal_count_share=0.0) if names else None

    @property
    def counterfactuals(self) -> tuple[str, ...]:
        """Two brackets swapped, which no count can tell, or one turned round."""
        return CHANGES

    def counterfactual(
        self, batch: QuizBatch, kind: str, rng: np.random.Generator
    ) -> Counterfactual:
        """Quizzes in layout 0, answered right, with the verdict turned by one change of the string.

        Those that many changes by chance did not turn are left out.
        """
        if kind not in CHANGES:
            raise ValueError(f"unknown kind {kind!r}; known: {', '.join(CHANGES)}")
        strings = self.strings(batch)
        rows, others = changed(strings, kind, rng)
        layout = np.zeros(len(rows), dtype=np.uint8)
        clean, other = (
            QuizBatch(self.codec.tokens(each), layout, self._tasks_of(each))
            for each in (strings[rows], others)
        )
        differ = self.answer_mask(clean) & (clean.tokens != other.tokens)
        position, index = differ.argmax(axis=1), np.arange(len(rows))
        contrast = np.stack([b.tokens[index, position] for b in (clean, other)], axis=1)
        return Counterfactual(clean, other, position, contrast.astype(np.int64))


def _units(strings: Brackets) -> NDArray[np.uint64]:
    """uint64 [n]: a hash that a string and its mirror image share."""
    return pair_hash(hash_rows(strings), hash_rows(mirrored(strings)))
