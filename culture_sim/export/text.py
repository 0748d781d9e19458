"""Quizzes as plain text for language models, and the world's own judgement of their answers.

``verify_quiz`` compares an answer with the one in the dataset and travels with it; here the
world's rule itself decides, by a check of its own which never sees the right answer.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from culture_sim.export.verify_quiz import (
    MalformedError,
    Rows,
    Verdict,
    find_rows,
    parse_rows,
    text_of,
)
from world import UNKNOWN_TASK, ExplainedWorld, Piece, QuizBatch, QuizWorld, UserError

BLANK = "."
"""A cell on which nothing is written, in a world that writes on cells."""


class Script:
    """How the cells of a world are written: by their glyphs, or as numbers where it has none."""

    def __init__(self, world: QuizWorld) -> None:
        view = world.view
        self.numbers, self.prose = not any(view.glyphs), view.prose
        values = range(len(view.glyphs))
        self.symbols = (
            tuple(map(str, values)) if self.numbers else tuple(g or BLANK for g in view.glyphs)
        )
        self._rows: dict[bytes, str] = {}
        self._dtype = world.token_dtype

    @cached_property
    def values(self) -> dict[str, int]:
        """What each symbol stands for; the first where several values share one."""
        return {symbol: value for value, symbol in reversed([*enumerate(self.symbols)])}

    def write(self, cells: NDArray[np.unsignedinteger], columns: int) -> list[str]:
        """B texts of cells [B, rows * columns]: a row a line, without the blanks at its end,
        nor those before prose."""
        rows = np.ascontiguousarray(cells).view(f"V{columns * cells.itemsize}").tolist()
        return ["\n".join(map(self._row, quiz)) for quiz in rows]

    def _row(self, row: bytes) -> str:
        """Few rows are possible, and each is written often."""
        if row not in self._rows:
            words = [self.symbols[value] for value in np.frombuffer(row, self._dtype)]
            while len(words) > 1 and words[-1] == BLANK:
                words.pop()
            while self.prose and len(words) > 1 and words[0] == BLANK:
                del words[0]
            self._rows[row] = " ".join(words)
        return self._rows[row]

    def read(self, text: str, piece: Piece) -> NDArray[np.int64]:
        """int64 [rows * columns]: the cells of a piece. Raises MalformedError where it is none."""
        return self._values(parse_rows(text, self.numbers), piece)

    def find(self, text: str, piece: Piece) -> NDArray[np.int64]:
        """The same of a piece that stands in a text, the last of several."""
        shape = piece.rows, piece.columns if self.numbers else None
        longest = max(map(len, self.symbols))
        return self._values(find_rows(text, self.numbers, longest, shape), piece)

    def _values(self, rows: Rows, piece: Piece) -> NDArray[np.int64]:
        if not self.numbers:
            rows = [row + [BLANK] * (piece.columns - len(row)) for row in rows]
        if len(rows) != piece.rows or len(rows[0]) != piece.columns:
            raise MalformedError("another shape than the others")
        unknown = next((c for row in rows for c in row if c not in self.values), None)
        if unknown is not None:
            raise MalformedError(f"not in this world: {unknown}")
        return np.array([self.values[cell] for row in rows for cell in row])


class Asked(NamedTuple):
    """A prompt that was read: the texts of the pieces shown, by name, and the name asked for."""

    shown: dict[str, str]
    name: str


def to_text(world: QuizWorld, batch: QuizBatch) -> tuple[list[str], list[str]]:
    """B prompts and B completions, each quiz in the order of its layout."""
    view, script = world.view, Script(world)
    plain = world.arrange(batch, 0).tokens
    texts = [script.write(plain[:, piece.cells], piece.columns) for piece in view.pieces]
    head = f"{view.about} {_instruction(world)}".lstrip()
    orders = [layout.parts for layout in world.layouts]
    prompts, completions = [], []
    for row, layout in enumerate(batch.layout.tolist()):
        *shown, asked = orders[layout]
        blocks = [f"{view.pieces[part].name}:\n{texts[part][row]}" for part in shown]
        prompts.append("\n\n".join([head, *blocks, f"{view.pieces[asked].name}:\n"]))
        completions.append(texts[asked][row])
    return prompts, completions


def _instruction(world: QuizWorld) -> str:
    """What to write, and how."""
    view, script = world.view, Script(world)
    cells = "numbers" if script.numbers else "words" if script.prose else "letters"
    rows = "a row a line, " if any(piece.rows > 1 for piece in view.pieces) else ""
    return (
        f"Write the last {view.piece}, {rows}its cells as {cells} with spaces between them, and "
        f"nothing else."
    )


def parse_prompt(prompt: str, names: tuple[str, ...]) -> Asked:
    """What a prompt shows and asks for; names: of all pieces. Raises MalformedError."""
    blocks = [block.partition(":\n") for block in prompt.strip(" \n").split("\n\n")]
    shown = {label: text for label, _, text in blocks[1:-1]}
    asked = blocks[-1][0].removesuffix(":")
    if sorted([*shown, asked]) != sorted(names):
        raise MalformedError(f"a prompt shows all but one of {', '.join(names)}, and asks for it")
    return Asked(shown, asked)


def verify(
    world: QuizWorld, task: str, prompt: Any, prediction: Any, strict: bool = False
) -> Verdict:
    """Whether the quiz, completed by a model's prediction, follows the rule of a task.

    prompt, prediction: text, or messages of a chat, the last of which is taken. strict: the
    prediction must be the piece and nothing else. wrong_tokens of the verdict is None: a rule
    accepts or refuses. Raises UserError for an unknown task and for a world that has no rules to
    judge by, and MalformedError, a ValueError, for a prompt that is none.
    """
    if not isinstance(world, ExplainedWorld):
        raise UserError(
            f"the world {world.name!r} has no rules to judge by; compare with its answer"
        )
    script, pieces = Script(world), {piece.name: piece for piece in world.view.pieces}
    asked, said = parse_prompt(text_of(prompt), tuple(pieces)), text_of(prediction)
    cells = {name: script.read(text, pieces[name]) for name, text in asked.shown.items()}
    try:
        read = script.read if strict else script.find
        cells[asked.name] = read(said, pieces[asked.name])
    except MalformedError as error:
        return Verdict(False, None, f"malformed: {error}")
    follows = bool(world.follows(_quiz(world, cells, asked.name), task)[0])
    return Verdict(follows, None, "right" if follows else f"not by the rule of {task}")


def _quiz(world: QuizWorld, cells: dict[str, NDArray[np.int64]], asked: str) -> QuizBatch:
    """One quiz in layout 0; what is asked for stands behind the example that tells the rule."""
    names = [piece.name for piece in world.view.pieces]
    if names.index(asked) < world.example_parts:
        names = names[world.example_parts :] + names[: world.example_parts]
    tokens = world.allowed[0].argmax(axis=1)  # labels are the only values allowed in their places
    for name, piece in zip(names, world.view.pieces, strict=True):
        tokens[piece.cells] = cells[name]
    return QuizBatch(
        tokens[None].astype(world.token_dtype),
        np.zeros(1, dtype=np.uint8),
        np.full(1, UNKNOWN_TASK, dtype=np.int16),
    )
