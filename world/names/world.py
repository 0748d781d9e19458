"""The names world: a quiz is a sentence in which one of two people does something for the other.

"When Mary and John were at the park soon John gave a ring to", and the answer is Mary: the indirect
object, of two names the one that is not said again (K. Wang et al., "Interpretability in the wild:
a circuit for indirect object identification in GPT-2 small", 2022). What an agent may go by, the
order of the names, distances and the place in the sequence, varies without the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world.core.batch import UNKNOWN_TASK, QuizBatch
from world.core.drawn import DrawnWorld
from world.core.flips import Flip, FlipRoles, Side
from world.core.hashing import hash_rows
from world.core.pairs import Counterfactual
from world.core.quiz import QuizWorld, Symmetries
from world.core.rules import ExplainedBy, Explanation
from world.core.view import View
from world.core.wording import Wording
from world.core.world import Axis, Layout, Part, split_by_hash, worlds
from world.names.by_heart import answered, keys_of
from world.names.drawing import Source
from world.names.flips import (
    FLIPS,
    MOVED,
    OF_THREE,
    OTHER_ANSWER,
    ROLES,
    flipped,
    io_is_first,
    possible,
)
from world.names.labels import name_labels, name_wording, role_places
from world.names.options import (
    ABB,
    ABC,
    BAB,
    OF_TWO,
    REPEAT,
    TWICE,
    refuse_impossible,
    refuse_unknown,
)
from world.names.reading import NONE, SENTENCE, Grammar, Reading
from world.names.reading import REPEAT as REPEATED
from world.names.sentences import CLAUSE, Codec, Sentences, Values, moved_right
from world.names.splits import Material
from world.names.view import name_view
from world.names.words import BLANK, ENDINGS, OPENINGS, THEM, Words

TEXT, WRITTEN, ANSWER = range(3)
"""Kinds of tokens, as ``NamesWorld.parts`` lists them."""
WRITTEN_WEIGHT = 0.1
"""Of tokens in the writing layout."""


@worlds.register("names")
@dataclass(frozen=True)
class NamesWorld(DrawnWorld, QuizWorld):
    """Sentences in which one of two people does something for the other."""

    name: ClassVar[str] = "names"

    names: int = 100
    """Names of people that there are."""
    templates: int = 8
    """Openings of sentences, and as many endings: any two go together. With one there is a single
    template, and none is held out."""
    prefix: int = 6
    """Most fillers before a sentence."""
    gap: int = 2
    """Most fillers before the one who gives is named, and as many behind."""
    floats: int = 4
    """Places that the answer may stand further left in the sequence, with blanks behind it."""
    distractors: int = 0
    """Clauses about somebody else, between the two halves of a sentence."""
    tasks: tuple[str, ...] = (ABB, BAB, ABC)
    """Kinds of quizzes, drawn with equal chances: the second of the two names gives (abb), or the
    first (bab); a third person gives (abc), and the answer is ``them``; the one who does not give
    is named again in between (twice); words at random are repeated (repeat)."""
    text_weight: float = 0.1
    """Weight in the loss of the words of a text, beside 1 for the answer."""

    def __post_init__(self) -> None:
        refuse_impossible(self)

    @cached_property
    def codec(self) -> Codec:
        """How sentences are written."""
        words = Words(self.names)
        return Codec(words, self.templates, self.prefix, self.gap, self.distractors, self.floats)

    @cached_property
    def source(self) -> Source:
        """What sentences are drawn from."""
        return Source(self.codec, Material(self.codec.words, self.templates))

    @cached_property
    def grammar(self) -> Grammar:
        """By which any text is read."""
        return Grammar(self.codec)

    @property
    def vocab(self) -> tuple[str, ...]:
        return self.codec.words.vocab

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
            Part("text", self.text_weight),
            Part("written", WRITTEN_WEIGHT),
            Part("answer", 1.0, graded=True),
        )

    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        """In the writing layout the blanks before a sentence count: they say how long it is."""
        origin = self.origins[batch.layout]
        part = np.where(batch.tokens == BLANK, -1, TEXT)
        part[origin == self.codec.answer] = ANSWER
        part[batch.layout == self.writing_layout] = WRITTEN
        return np.where(origin < self.floats, -1, part).astype(np.int8)

    def answer_mask(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """Where the answer stands in the layout, whatever is written there."""
        asked = (batch.layout != self.writing_layout)[:, None]
        return asked & (self.origins[batch.layout] == self.codec.answer)

    def tidy(self, batch: QuizBatch) -> QuizBatch:
        """All blanks before the text."""
        plain = self.arrange(batch, 0)
        tokens = plain.tokens.copy()
        inside = slice(self.floats, self.codec.answer)
        tokens[:, inside] = moved_right(tokens[:, inside])
        return self.arrange(replace(plain, tokens=tokens), batch.layout)

    # ---- drawing

    def generate(
        self,
        rng: np.random.Generator,
        count: int,
        split: int,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        task = self.choose_tasks(rng, count, split, task_weights)
        names = np.array(self.tasks)[task]
        tokens = np.zeros((count, self.seq_len), dtype=np.uint8)
        said, again = np.flatnonzero(names != REPEAT), np.flatnonzero(names == REPEAT)
        tokens[said] = self.codec.tokens(self.source.sentences(rng, names[said], split))
        if len(again):
            tokens[again] = self.codec.placed(*self.source.repeated(rng, len(again), split))
        return QuizBatch(tokens, np.zeros(count, np.uint8), task.astype(np.int16))

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """By task, how many different quizzes each split has; repeated blocks are not counted."""
        return self.source.sizes(self.tasks)

    def units(self) -> Mapping[str, NDArray[np.int64]]:
        """Pairs of names; which, and with which templates, is held out."""
        counts = np.array([len(pairs) for pairs in self.source.material.pairs])
        return {task: counts for task in self.tasks if task != REPEAT}

    def other_scenes(self) -> NamesWorld | None:
        """One clause more about somebody else; None where there is no room for it."""
        if self.prefix < CLAUSE or self.distractors == 4 or self.tasks == (REPEAT,):
            return None
        tasks = tuple(task for task in self.tasks if task != REPEAT)
        return self._with_clause(self.distractors + 1, tasks)

    def held_out_world(self) -> NamesWorld | None:
        """Sentences in which the one who does not give is named twice as well, where those are
        never drawn and there is room for them."""
        if TWICE in self.tasks:
            return None
        if self.distractors:
            return replace(self, tasks=(TWICE,))
        return self._with_clause(1, (TWICE,)) if self.prefix >= CLAUSE else None

    def _with_clause(self, distractors: int, tasks: tuple[str, ...]) -> NamesWorld:
        """As long a world with more clauses and fewer fillers before them."""
        prefix = self.prefix - CLAUSE * (distractors - self.distractors)
        return replace(self, distractors=distractors, prefix=prefix, tasks=tasks)

    # ---- what is the same, and what is none

    def read(self, batch: QuizBatch) -> Reading:
        """What quizzes in any layouts say, in layout 0."""
        return self.grammar.read(self.tidy(self.arrange(batch, 0)).tokens)

    def units_of(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """uint64 [B, U]: of a sentence, the pair of names and, if there are several, the
        template."""
        return self._units(self.arrange(batch, 0), self.read(batch))

    def _units(self, plain: QuizBatch, reading: Reading) -> NDArray[np.uint64]:
        material, made = self.source.material, reading.sentences
        units = np.stack(
            [
                material.pair_hash(made.first, made.second),
                material.template_hash(made.opening, made.ending),
            ],
            axis=1,
        )
        units = np.where(
            (reading.kind == REPEATED)[:, None], self._block_hash(plain, reading)[:, None], units
        )
        units = np.where((reading.kind == NONE)[:, None], hash_rows(plain.tokens)[:, None], units)
        return units[:, : 1 if self.templates == 1 else 2]

    def _block_hash(self, plain: QuizBatch, reading: Reading) -> NDArray[np.uint64]:
        """uint64 [B]: of the block that is repeated."""
        width = self.codec.longest_block
        begin = self.codec.answer + 1 - 2 * np.maximum(reading.length, 1)
        place = begin[:, None] + np.arange(width)
        inside = np.arange(width) < reading.length[:, None]
        words = np.take_along_axis(plain.tokens, np.minimum(place, self.codec.answer), axis=1)
        return hash_rows(np.where(inside, words, BLANK).astype(np.uint64))

    def unit_split_of(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """A tenth of the pairs in either held-out split, exactly; of the templates one of as many
        as there are openings."""
        plain, reading = self.arrange(batch, 0), self.read(batch)
        split = split_by_hash(self._units(plain, reading))
        rows, material = np.flatnonzero(reading.kind == SENTENCE), self.source.material
        made = reading.sentences[rows]
        split[rows, 0] = material.pair_split(made.first, made.second)
        if self.templates > 1:
            split[rows, 1] = material.template_split(made.opening, made.ending)
        return split

    def symmetries(self, batch: QuizBatch) -> Symmetries:
        """None but where a quiz stands in the sequence: who is who matters."""
        readings = self.arrange(batch, 0).tokens[:, None]
        return Symmetries(readings, np.zeros(self.vocab_size, dtype=np.bool_))

    def is_trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """What is no sentence and no repetition, or is answered by no name nor ``them``."""
        reading = self.read(batch)
        answer = self.arrange(batch, 0).tokens[:, self.codec.answer]
        named = (answer == THEM) | (answer >= self.codec.words.values("name")[0])
        none = (reading.kind == NONE) | (answer == BLANK)
        return np.asarray(none | ((reading.kind == SENTENCE) & ~named))

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        """Places, objects and fillers replaced by others of their kind: the answer stays."""
        words, tokens = self.codec.words, batch.tokens.copy()
        hit = (self.part_of(batch) == TEXT) & (rng.random(tokens.shape) < rate)
        for kind in ("filler", "place", "object"):
            values = words.values(kind)
            chosen = hit & np.isin(batch.tokens, values)
            tokens[chosen] = rng.choice(values, size=int(chosen.sum()))
        return replace(batch, tokens=tokens)

    # ---- what is known

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        plain = self.arrange(batch, 0).tokens
        padding = batch.tokens == BLANK
        return name_labels(self.codec, batch, plain, self.read(batch), padding)

    @property
    def wording(self) -> Wording:
        return name_wording(self.codec, self.tasks)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        if self.templates == 1:
            return super().groups
        # By their first word, and by what is done: tables have little room.
        openings = tuple(half.split()[0] for half in OPENINGS[: self.templates])
        endings = tuple(half.split()[1] for half in ENDINGS[: self.templates])
        return {**super().groups, "opening": openings, "ending": endings}

    def group_of(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        groups = super().group_of(batch)
        if self.templates == 1:
            return groups
        reading = self.read(batch)
        sentence, made = reading.kind == SENTENCE, reading.sentences
        halves = {"opening": made.opening, "ending": made.ending}
        return groups | {
            name: np.where(sentence, half, -1).astype(np.int16) for name, half in halves.items()
        }

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        """Of a sentence: fillers before it; tokens from the first name to the second, from the
        second to the one who gives, and from there to the last word; 1 where the first of two names
        gives; the place of the last word in the sequence. 0 in what is no sentence."""
        reading = self.read(batch)
        at, made = reading.at, reading.sentences
        counts = {
            "prefix": (made.prefix != BLANK).sum(axis=1),
            "apart": at["second"] - at["first"],
            "between": at["giver"] - at["second"],
            "distance": at["end"] - at["giver"],
            "first_gives": (made.giver == made.first).astype(np.int64),
            "end": self._written(batch, at["end"]),
        }
        return {
            name: np.where(reading.kind == SENTENCE, count, 0) for name, count in counts.items()
        }

    def _written(self, batch: QuizBatch, at: Values) -> Values:
        """int64 [B]: where tokens of layout 0 are in the sequences as written."""
        return np.asarray((self.origins[batch.layout] == at[:, None]).argmax(axis=1))

    @property
    def view(self) -> View:
        return name_view(self.codec)

    # ---- rules

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        """By the task that draws such quizzes, where the answer is right."""
        reading = self.read(batch)
        found = np.where(self._right(batch, reading), self._tasks_of(reading), "")
        return [
            Explanation(ExplainedBy.TASK, (name,))
            if name in self.tasks
            else Explanation(ExplainedBy.NONE)
            for name in found.tolist()
        ]

    def _tasks_of(self, reading: Reading) -> NDArray[np.str_]:
        """[B]: by its name, the task that draws such quizzes; "" for none."""
        made = reading.sentences
        two = np.where(made.giver == made.second, ABB, np.where(made.giver == made.first, BAB, ABC))
        again = (made.others == made.answers[:, None]).any(axis=1)
        kinds = [reading.kind == REPEATED, reading.kind == NONE, again]
        return np.select(kinds, [REPEAT, "", TWICE], two)

    def follows(self, batch: QuizBatch, task: str) -> NDArray[np.bool_]:
        """bool [B]: whether the answer is right, and the quiz one that the task may draw.

        Raises UserError for an unknown task.
        """
        refuse_unknown(task)
        reading = self.read(batch)
        return self._right(batch, reading) & (self._tasks_of(reading) == task)

    def _answers(self, plain: QuizBatch, reading: Reading) -> Values:
        """int64 [B]: the right answers; 0 where there is none."""
        last = self.codec.answer - np.maximum(reading.length, 1)
        repeated = plain.tokens[np.arange(len(plain)), last].astype(np.int64)
        kinds = [reading.kind == SENTENCE, reading.kind == REPEATED]
        return np.select(kinds, [reading.sentences.answers, repeated], BLANK)

    def _right(self, batch: QuizBatch, reading: Reading) -> NDArray[np.bool_]:
        plain = self.tidy(self.arrange(batch, 0))
        right = self._answers(plain, reading) == plain.tokens[:, self.codec.answer]
        return np.asarray(right & (reading.kind != NONE))

    def rule_answers(self, batch: QuizBatch) -> list[NDArray[np.unsignedinteger]]:
        """For each quiz [1, T], in layout 0: the quiz with the right answer; none, [0, T], for one
        that is no quiz."""
        plain = self.tidy(self.arrange(batch, 0))
        reading = self.read(batch)
        tokens = plain.tokens.copy()
        tokens[:, self.codec.answer] = self._answers(plain, reading)
        return [
            row[None][: int(kind != NONE)] for row, kind in zip(tokens, reading.kind, strict=True)
        ]

    def by_heart(self, seen: QuizBatch, exam: QuizBatch) -> NDArray[np.bool_]:
        """As the same names were answered most often in the quizzes seen, or else the same giver;
        repeated blocks are never known."""
        (known, answers), (asked, truth) = (self._known(batch) for batch in (seen, exam))
        given = answered(known, answers, asked, self.vocab_size)
        return np.asarray((given > 0) & (given == truth))

    def _known(self, batch: QuizBatch) -> tuple[Values, Values]:
        """int64 [B, 2] and [B]: what quizzes are known by, and what was answered."""
        answers = self.arrange(batch, 0).tokens[:, self.codec.answer]
        return keys_of(self.read(batch), self.vocab_size), answers.astype(np.int64)

    # ---- pairs

    @property
    def flips(self) -> Mapping[str, str]:
        """What can be changed of a sentence in which one of two gives, and what that is."""
        return {kind: FLIPS[kind] for kind in possible(self.codec)}

    @property
    def flip_roles(self) -> FlipRoles:
        """Of two names the one is right, and the other where the other of the two gives."""
        return ROLES

    def flip(self, batch: QuizBatch, kind: str, rng: np.random.Generator) -> Flip:
        """Those of the quizzes in which one of two gives, answered right, and the same with one
        thing changed. Both are written as the quizzes are; ``moved`` ones elsewhere.

        A new name may make a pair that is held out. Raises ValueError on an unknown kind, and on
        quizzes in the writing layout.
        """
        if kind not in self.flips:
            raise ValueError(f"unknown kind {kind!r}; known: {', '.join(self.flips)}")
        if (batch.layout == self.writing_layout).any():
            raise ValueError("sentences must be in a layout with an answer to be changed")
        reading = self.read(batch)
        rows = np.flatnonzero(np.isin(self._tasks_of(reading), OF_TWO))
        base, layout = reading.sentences[rows], batch.layout[rows]
        now = flipped(self.source, base, kind, rng)
        step = rng.integers(1, self.floats + 1, size=len(rows)) if kind == MOVED else 0
        elsewhere = ((layout + step) % (self.floats + 1)).astype(np.uint8)
        return Flip(rows, self._side(base, base, layout), self._side(base, now, elsewhere))

    def _side(self, base: Sentences, now: Sentences, layout: NDArray[np.uint8]) -> Side:
        """Sentences that were made of others, in layouts [B]."""
        tokens = self.codec.tokens(now)
        plain = QuizBatch(tokens, np.zeros_like(layout), np.full(len(now), UNKNOWN_TASK, np.int16))
        reading, io_first = self.read(plain), io_is_first(base, now)
        names = np.array(self.tasks)
        task = (self._tasks_of(reading)[:, None] == names).argmax(axis=1)
        known = np.isin(self._tasks_of(reading), names)
        plain = replace(plain, task=np.where(known, task, UNKNOWN_TASK).astype(np.int16))
        batch = self.arrange(plain, layout)
        columns = {
            role: self._written(batch, at) for role, at in role_places(reading, io_first).items()
        }
        said = {
            "io": np.where(io_first, now.first, now.second),
            "s": np.where(io_first, now.second, now.first),
        }
        return Side(batch, columns, {**said, **self.describe(batch)})

    @property
    def counterfactuals(self) -> tuple[str, ...]:
        """The flips that give another right answer."""
        return (*OTHER_ANSWER, *(OF_THREE if ABC in self.tasks else ()))

    def counterfactual(
        self, batch: QuizBatch, kind: str, rng: np.random.Generator
    ) -> Counterfactual:
        if kind not in self.counterfactuals:
            raise ValueError(f"unknown kind {kind!r}; known: {', '.join(self.counterfactuals)}")
        found = self.flip(batch, kind, rng)
        position = found.base.columns["answer"]
        rows = np.arange(len(position))
        contrast = np.stack(
            [side.batch.tokens[rows, position] for side in (found.base, found.changed)], axis=1
        )
        return Counterfactual(
            found.base.batch, found.changed.batch, position, contrast.astype(np.int64)
        )
