"""The aliases world: a quiz is a cell of one of two tables, or a link between their alphabets.

Both tables hold the same operation modulo a prime, one written in numbers, the other in aliases of
them; links say which alias is which number. No row uses both a link and a table. An agent that
fills in held-out cells of one table better for having seen links to the other has learned out of
context: the question of the source (the repository ancri/mechinterp).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from world.aliases.labels import alias_labels, alias_wording
from world.aliases.material import Material
from world.aliases.options import (
    ALIASES,
    LINKS,
    NUMBERS,
    TASKS,
    HoldOut,
    Linked,
    OperationName,
    refuse_impossible,
    refuse_unknown,
)
from world.aliases.rows import (
    ANSWER,
    DEFINE,
    EQUALS,
    FIRST,
    HEAD,
    MARK,
    NO_ROW,
    SEQ_LEN,
    TRUE,
    Reading,
    X,
    Y,
    letters,
    link_rows,
    read,
    table_rows,
    tag_of,
    vocab,
)
from world.aliases.view import PIECES, alias_view
from world.core.batch import UNKNOWN_TASK, QuizBatch
from world.core.drawn import DrawnWorld
from world.core.hashing import hash_rows, mix, pair_hash
from world.core.pairs import Counterfactual
from world.core.quiz import QuizWorld, Symmetries
from world.core.rules import ExplainedBy, Explanation
from world.core.view import View
from world.core.wording import Wording
from world.core.world import TRAIN, Axis, Layout, Part, split_by_hash, worlds

GIVEN, FIXED, WRITTEN, FIRST_ANSWER = range(4)
"""Kinds of tokens, as ``AliasesWorld.parts`` lists them; three kinds of answers come last."""
WRITTEN_WEIGHT = 0.1
"""Of tokens in the writing layout."""
_UNITS = np.uint64(4 << 40)


@worlds.register("aliases")
@dataclass(frozen=True)
class AliasesWorld(DrawnWorld, QuizWorld):
    """Arithmetic in two alphabets, and links that say which letters are the same."""

    name: ClassVar[str] = "aliases"

    modulus: int = 97
    """Numbers there are, a prime, and as many aliases."""
    operation: OperationName = "squares"
    """What the tables hold: squares (x² + y²), sum, product or difference."""
    held_out: tuple[float, float] = (0.4, 0.4)
    """Shares of the cells of the table of numbers and of that of aliases that no agent trains on;
    half of them are the exam, the others are for SAEs. They are drawn apart from each other."""
    hold_out: HoldOut = "twins"
    """What is held out at once: a cell with its twins, which have the same z by a symmetry of the
    operation (x and y exchanged, signs turned), or cells one by one, as in the source."""
    drawing: int = 0
    """Another number holds out other cells, links other halves, and misleads otherwise."""
    joined: bool = False
    """Train on every cell in both tables that is trained on in either, so that only cells held out
    of both are held out: what could be known if the two alphabets were one."""
    links: Linked = "all"
    """Which numbers are linked with their aliases, and how: all, both ways; half of them; one_way,
    from the number to the alias alone; deranged, all with the alias of another number; or tagged,
    those of half of the numbers as reliable, and true, the others as unreliable, of which one in
    three is true and the others are deranged."""
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Weights in the loss of what is answered in the table of numbers, that of aliases, and
    links."""
    tasks: tuple[str, ...] = TASKS
    """Kinds of rows, drawn with equal chances: numbers, aliases and links."""

    def __post_init__(self) -> None:
        refuse_impossible(self)

    @cached_property
    def material(self) -> Material:
        """The tables and links."""
        return Material(
            self.modulus,
            self.operation,
            self.held_out,
            self.hold_out,
            self.links,
            self.drawing,
            self.joined,
        )

    @property
    def known_as(self) -> str:
        """ "oocl", then the operation, the modulus, shares held out and weights, as in the source
        but with all their digits; a weight is 0 where there is no such row."""
        weights = [
            weight if name in self.tasks else 0.0
            for name, weight in zip(TASKS, self.weights, strict=True)
        ]
        numbers = (f"{value!r}" for value in (*self.held_out, *map(float, weights)))
        return "_".join(("oocl", self.material.operation.code, str(self.modulus), *numbers))

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        return vocab(self.modulus, tagged=self.links == "tagged")

    @property
    def seq_len(self) -> int:
        return SEQ_LEN

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (Axis("position", SEQ_LEN),)

    @property
    def coordinates(self) -> NDArray[np.int64]:
        return np.arange(SEQ_LEN)[:, None]

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """A row is asked for its answer, or written as a whole."""
        return (Layout(",".join(PIECES), (0, 1), True), Layout("whole row", (0, 1), False))

    @property
    def origins(self) -> NDArray[np.int64]:
        return np.tile(np.arange(SEQ_LEN), (2, 1))

    @property
    def slots(self) -> NDArray[np.int64]:
        return np.tile(np.arange(SEQ_LEN) == ANSWER, (2, 1)).astype(np.int64)

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        value = np.arange(self.vocab_size)
        letter = (value >= FIRST) & (value < FIRST + 2 * self.modulus)
        tags = np.unique(tag_of(np.arange(self.modulus), self.material))
        at_each = {
            HEAD: (value == TRUE) | (value == DEFINE),
            X: letter | np.isin(value, tags),
            Y: letter,
            MARK: value == EQUALS,
            ANSWER: letter,
        }
        return np.tile(np.stack([at_each[place] for place in range(SEQ_LEN)]), (2, 1, 1))

    @property
    def parts(self) -> tuple[Part, ...]:
        return (
            Part("given", 0.0),
            Part("mark", 0.0, fixed=True),
            Part("written", WRITTEN_WEIGHT),
            *(
                Part(f"answer to {name}", weight, graded=True)
                for name, weight in zip(TASKS, self.weights, strict=True)
            ),
        )

    def part_of(self, batch: QuizBatch) -> NDArray[np.int8]:
        part = np.full(batch.tokens.shape, GIVEN, dtype=np.int8)
        # The question alone tells; one that an agent made up counts as one of numbers.
        part[:, ANSWER] = FIRST_ANSWER + np.maximum(self.read(batch).kind, NUMBERS)
        part[batch.layout == self.writing_layout] = WRITTEN
        part[:, MARK] = FIXED
        return part

    # ---- drawing

    def tasks_in(self, split: str) -> tuple[int, ...]:
        """No link is held out."""
        drawn = (k for k, name in enumerate(self.tasks) if split == TRAIN or name != TASKS[LINKS])
        return tuple(drawn)

    def generate(
        self,
        rng: np.random.Generator,
        count: int,
        split: int,
        task_weights: Sequence[float] | None = None,
    ) -> QuizBatch:
        """Every cell and link of a split is equally likely, again and again: they are few."""
        task = self.choose_tasks(rng, count, split, task_weights)
        tokens = np.zeros((count, SEQ_LEN), dtype=self.token_dtype)
        for index, name in enumerate(self.tasks):
            rows = np.flatnonzero(task == index)
            tokens[rows] = self._rows(rng, TASKS.index(name), len(rows), split)
        return QuizBatch(tokens, np.zeros(count, np.uint8), task.astype(np.int16))

    def _rows(
        self, rng: np.random.Generator, kind: int, count: int, split: int
    ) -> NDArray[np.int64]:
        """int64 [count, T]."""
        if kind == LINKS:
            to_alias = (rng.random(count) < 0.5) | (self.links == "one_way")
            return link_rows(rng.choice(self.material.linked, size=count), to_alias, self.material)
        cells = self.material.cells[kind][split]
        return table_rows(cells[rng.integers(len(cells), size=count)], kind, self.material)

    def units(self) -> Mapping[str, NDArray[np.int64]]:
        """Cells of the tables, or orbits of twins; links are all trained on, and not counted."""
        counts = {}
        for table, name in enumerate(TASKS[:LINKS]):
            split = self.material.splits[table]
            groups = [self.material.orbits[split == s] for s in range(3)]
            if name in self.tasks:
                sizes = [len(np.unique(g)) if self.hold_out == "twins" else len(g) for g in groups]
                counts[name] = np.array(sizes)
        return counts

    # ---- what is the same, and what is none

    def read(self, batch: QuizBatch) -> Reading:
        """What rows say; they are the same in every layout."""
        return read(batch.tokens, self.material)

    def units_of(self, batch: QuizBatch) -> NDArray[np.uint64]:
        """uint64 [B, 1]: of a row of a table, its cell or that cell's twins; of a link, the number
        and the alias, either way."""
        reading = self.read(batch)
        cell = reading.x * self.modulus + reading.y
        if self.hold_out == "twins":
            cell = self.material.orbits[reading.x, reading.y]
        alphabet, _ = letters(batch.tokens, self.modulus)
        number = np.where(alphabet[:, Y] == NUMBERS, reading.y, self.material.number_of[reading.y])
        what = np.where(reading.kind == LINKS, number, cell)
        known = mix((reading.kind * self.modulus**2 + what).astype(np.uint64) + _UNITS)
        return np.where(reading.kind == NO_ROW, hash_rows(batch.tokens), known)[:, None]

    def unit_split_of(self, batch: QuizBatch) -> NDArray[np.uint8]:
        """As ``held_out`` says; every link is trained on."""
        reading = self.read(batch)
        table = np.clip(reading.kind, NUMBERS, ALIASES)
        split = self.material.splits[table, reading.x, reading.y]
        split[reading.kind == LINKS] = 0
        none = reading.kind == NO_ROW
        split[none] = split_by_hash(hash_rows(batch.tokens[none]))
        return split[:, None]

    def symmetries(self, batch: QuizBatch) -> Symmetries:
        """Of a row of a table x and y exchanged, where the operation lets them be."""
        plain = batch.tokens[:, [HEAD, X, Y, ANSWER]]
        other = plain.copy()
        if self.material.operation.commutes:
            of_table = plain[:, 0] == TRUE
            other[of_table, 1:3] = plain[of_table, 2:0:-1]
        return Symmetries(np.stack([plain, other], axis=1), np.zeros(self.vocab_size, np.bool_))

    def canonical_hash(self, batch: QuizBatch) -> NDArray[np.uint64]:
        one, other = self.symmetries(batch).readings.swapaxes(0, 1)
        return pair_hash(hash_rows(one), hash_rows(other))

    def is_trivial(self, batch: QuizBatch) -> NDArray[np.bool_]:
        """What is no row, or is answered by no letter of the alphabet that is asked for."""
        return ~self.read(batch).known

    def corrupt(self, batch: QuizBatch, rate: float, rng: np.random.Generator) -> QuizBatch:
        """Letters before the answer replaced by others of their alphabet."""
        alphabet, letter = letters(batch.tokens, self.modulus)
        hit = (alphabet >= 0) & (rng.random(alphabet.shape) < rate)
        hit[:, ANSWER] = False
        step = rng.integers(1, self.modulus, size=letter.shape)
        other = (letter + step) % self.modulus + FIRST + alphabet * self.modulus
        return replace(batch, tokens=np.where(hit, other, batch.tokens).astype(batch.tokens.dtype))

    # ---- what is known

    def labels(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        return alias_labels(batch, self.read(batch), self.modulus)

    @property
    def wording(self) -> Wording:
        numbers = self.vocab[FIRST : FIRST + self.modulus]
        return alias_wording(self.tasks, self.layouts, numbers)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        return {
            **super().groups,
            "twins": ("none trained on", "some trained on"),
            "other table": ("trained on there", "held out there"),
        }

    def group_of(self, batch: QuizBatch) -> dict[str, NDArray[np.int16]]:
        """Of rows of a table: whether a twin of their cell is trained on in the same table, and
        whether the cell is in the other."""
        reading = self.read(batch)
        in_table = np.isin(reading.kind, (NUMBERS, ALIASES))
        other = np.where(reading.kind == NUMBERS, 1, 0)
        held_out = self.material.splits[other, reading.x, reading.y] > 0
        return {
            **super().group_of(batch),
            "twins": np.where(in_table, self._twins(reading) > 0, -1).astype(np.int16),
            "other table": np.where(in_table, held_out, -1).astype(np.int16),
        }

    def _twins(self, reading: Reading) -> NDArray[np.int64]:
        """int64 [B]: 0 of what is no row of a table."""
        in_table = np.isin(reading.kind, (NUMBERS, ALIASES))
        table = np.where(in_table, reading.kind, 0)
        return np.where(in_table, self.material.twins[table, reading.x, reading.y], 0)

    def describe(self, batch: QuizBatch) -> dict[str, NDArray[np.int64]]:
        """Of rows of a table: how many twins of their cell are trained on."""
        return {"twins": self._twins(self.read(batch))}

    @property
    def view(self) -> View:
        return alias_view(self.material.operation, self.modulus, self.vocab)

    # ---- rules

    def explain(self, batch: QuizBatch) -> list[Explanation]:
        """By the table or the links that a row is of, where its answer is right."""
        reading = self.read(batch)
        kinds = np.where(self._right(batch, reading), reading.kind, NO_ROW)
        return [
            Explanation(ExplainedBy.TASK, (TASKS[kind],))
            if kind != NO_ROW and TASKS[kind] in self.tasks
            else Explanation(ExplainedBy.NONE)
            for kind in kinds.tolist()
        ]

    def follows(self, batch: QuizBatch, task: str) -> NDArray[np.bool_]:
        """bool [B]: whether the answer is right, and the row of a task.

        Raises UserError for an unknown task.
        """
        refuse_unknown(task)
        reading = self.read(batch)
        return self._right(batch, reading) & (reading.kind == TASKS.index(task))

    def _right(self, batch: QuizBatch, reading: Reading) -> NDArray[np.bool_]:
        right = batch.tokens[:, ANSWER] == reading.answer
        return np.asarray(right & (reading.kind != NO_ROW))

    def rule_answers(self, batch: QuizBatch) -> list[NDArray[np.unsignedinteger]]:
        """For each row [1, T]: the row with the right answer; none, [0, T], for what is no row."""
        reading = self.read(batch)
        tokens = batch.tokens.copy()
        tokens[:, ANSWER] = reading.answer
        return [
            row[None][: int(kind != NO_ROW)] for row, kind in zip(tokens, reading.kind, strict=True)
        ]

    def held_out_world(self) -> None:
        """None: what is held out is cells."""

    def by_heart(self, seen: QuizBatch, exam: QuizBatch) -> NDArray[np.bool_]:
        """By the answer that was seen of a twin in the same table, or of the link the same way."""
        known, asked = (hash_rows(self._questions(batch)) for batch in (seen, exam))
        values, first = np.unique(known, return_index=True)
        place = np.minimum(np.searchsorted(values, asked), max(len(values) - 1, 0))
        if not len(values):
            return np.zeros(len(exam), dtype=np.bool_)
        answer = seen.tokens[first[place], ANSWER]
        return np.asarray((values[place] == asked) & (answer == exam.tokens[:, ANSWER]))

    def _questions(self, batch: QuizBatch) -> NDArray[np.unsignedinteger]:
        """[B, 3]: the kind of row; its cell's first twin, or the letter that is linked."""
        reading = self.read(batch)
        twin = self.material.orbits[reading.x, reading.y]
        letter = np.where(reading.kind == LINKS, batch.tokens[:, Y], twin)
        return np.stack([batch.tokens[:, HEAD], reading.kind + 1, letter], 1).astype(np.uint64)

    # ---- pairs

    @property
    def counterfactuals(self) -> tuple[str, ...]:
        """Another x or y, or the same row in the other alphabet."""
        return ("x", "y", "alphabet")

    def counterfactual(
        self, batch: QuizBatch, kind: str, rng: np.random.Generator
    ) -> Counterfactual:
        """Rows of tables, answered right, with one thing changed. What is changed may be held out.

        Raises ValueError on an unknown kind.
        """
        if kind not in self.counterfactuals:
            raise ValueError(f"unknown kind {kind!r}; known: {', '.join(self.counterfactuals)}")
        reading = self.read(batch)
        rows = np.flatnonzero(self._right(batch, reading) & (reading.kind < LINKS))
        table, cells = reading.kind[rows], np.stack([reading.x[rows], reading.y[rows]], axis=1)
        if kind == "alphabet":
            table = 1 - table
        else:
            step = rng.integers(1, self.modulus, size=len(rows))
            cells[:, ("x", "y").index(kind)] += step
        tokens = self._of_tables(cells % self.modulus, table).astype(self.token_dtype)
        clean = batch[rows]
        task = self._task_of(table)
        changed = QuizBatch(tokens, clean.layout, task)
        differ = clean.tokens[:, ANSWER] != tokens[:, ANSWER]
        clean, changed = clean[differ], changed[differ]
        contrast = np.stack([clean.tokens[:, ANSWER], changed.tokens[:, ANSWER]], axis=1)
        position = np.full(len(clean), ANSWER, dtype=np.int64)
        return Counterfactual(clean, changed, position, contrast.astype(np.int64))

    def rows(self, task: str, cells: NDArray[np.int64]) -> QuizBatch:
        """The rows of cells int64 [n, 2], x and y, in the table of a task, numbers or aliases."""
        table = TASKS[:LINKS].index(task)
        tokens = table_rows(cells, table, self.material).astype(self.token_dtype)
        of_task = self._task_of(np.full(len(cells), table))
        return QuizBatch(tokens, np.zeros(len(cells), np.uint8), of_task)

    def _of_tables(self, cells: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 [n, T]: rows of cells [n, 2] of tables [n]."""
        both = [table_rows(cells, which, self.material) for which in range(2)]
        return np.where((table == 0)[:, None], *both)

    def _task_of(self, kind: NDArray[np.int64]) -> NDArray[np.int16]:
        """int16 [n]: index of the task that draws rows of a kind; UNKNOWN_TASK for none."""
        task = np.full(len(TASKS), UNKNOWN_TASK, dtype=np.int16)
        for index, name in enumerate(self.tasks):
            task[TASKS.index(name)] = index
        return task[kind]
