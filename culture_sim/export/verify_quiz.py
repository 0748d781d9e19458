"""Says whether a language model answered a quiz exactly right; needs Python's library alone.

A quiz is a prompt that shows some of its pieces and names one more, which is the completion. A
piece is written a row a line, its cells as numbers or letters with spaces between them. An answer
is right when it has the piece asked for, cell by cell. What a model says around it is passed over:
labels, code fences, brackets, thoughts. Of several pieces of the right shape the last one counts.
Asked to be strict, an answer is the piece and nothing else.

    python verify_quiz.py [--strict] predictions.jsonl

reads one JSON object a line, with the "completion" of the dataset, the "prediction" of a model
and, where there is one, the "task"; it prints how many are right. A prediction is text, or messages
of a chat. ``reward`` and ``strict_reward`` are rewards for reinforcement learning with TRL.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

NUMBER = re.compile(r"[0-9]{1,5}")
LONGEST = 16
"""Characters of a cell."""

THOUGHT = "</think>"
"""What follows the last of these is the answer."""
LIST = re.compile(r"\[[^\[\]]*\]")
LISTS = (
    (re.compile(r"\][.,;]+"), "]"),
    (re.compile(r"\[\s*\["), "\n\n["),
    (re.compile(r"\]\s*\]"), "]\n\n"),
    (re.compile(r"\]\s*\["), "]\n["),
    (re.compile(r"(?<=[^\s\]])[^\S\n]+\["), "\n["),
)
"""In this order they write lists of lists a row a line."""
AROUND = str.maketrans(dict.fromkeys("[](),;|`'\"*", " "))
"""Characters around cells that are no part of them."""

Rows = list[list[str]]
"""Rows of cells, all of one length."""
Shape = tuple[int, int | None]
"""Rows and columns; None: any number of these."""


class MalformedError(ValueError):
    """A text that is no piece or no quiz; says why in one line."""


class Verdict(NamedTuple):
    """What is to be said of an answer.

    correct: it is right in every cell. wrong_tokens: how many cells are not; None where the answer
    is no piece of the shape asked for, or where only a rule was asked. reason: one line.
    """

    correct: bool
    wrong_tokens: int | None
    reason: str


def parse_rows(text: str, numbers: bool) -> Rows:
    """The rows that a text is; numbers: its cells are numbers, and nothing else is one.

    Raises MalformedError unless it is one piece and nothing besides.
    """
    rows = [line.split() for line in text.strip().splitlines()]
    if not rows:
        raise MalformedError("empty")
    for cell in (cell for row in rows for cell in row):
        if len(cell) > LONGEST or (numbers and not NUMBER.fullmatch(cell)):
            raise MalformedError(f"not a cell: {cell[:LONGEST]!r}")
    if len({len(row) for row in rows}) > 1 or not rows[0]:
        raise MalformedError("rows differ in length")
    return [[str(int(cell)) for cell in row] for row in rows] if numbers else rows


def find_rows(text: str, numbers: bool, longest: int, shape: Shape) -> Rows:
    """The last rows in a text that have a shape, or the last rows of all where none has.

    numbers: cells are numbers. longest: characters of a cell that is no number. Raises
    MalformedError where there are no rows, or the last ones differ in length.
    """
    text = LIST.sub(_in_a_line, text.rpartition(THOUGHT)[2])
    for pattern, replacement in LISTS:
        text = pattern.sub(replacement, text)
    blocks: list[Rows] = []
    current: Rows = []
    for line in [*text.splitlines(), ""]:
        cells = _cells(line, numbers, longest)
        if cells:
            current.append(cells)
        # Where a piece is a row, lines below each other are several.
        if current and (not cells or shape[0] == 1):
            blocks.append(current)
            current = []
    fit = [rows for rows in blocks if _has(rows, shape)]
    if not blocks:
        raise MalformedError("no rows of cells" if text.strip() else "empty")
    return parse_rows("\n".join(map(" ".join, (fit or blocks)[-1])), numbers)


def _in_a_line(found: "re.Match[str]") -> str:
    """A list whose items have commas between them, as one line."""
    text = found.group()
    return (
        " ".join(text.split()) if all(len(x.split()) <= 1 for x in text[1:-1].split(",")) else text
    )


def _cells(line: str, numbers: bool, longest: int) -> list[str]:
    """The cells of a line, behind a label or not; none where it holds anything else."""
    words = line.rpartition(":")[2].translate(AROUND).split()
    is_cell = NUMBER.fullmatch if numbers else lambda word: len(word) <= longest
    return words if all(map(is_cell, words)) else []


def _has(rows: Rows, shape: Shape) -> bool:
    return len(rows) == shape[0] and all(shape[1] in (None, len(row)) for row in rows)


def text_of(said: Any) -> str:
    """A text, or that of the last of a chat's messages, whose content may be in parts."""
    if isinstance(said, str):
        return said
    if isinstance(said, dict):
        return text_of(said.get("content", said.get("text")))
    if isinstance(said, list) and said:
        parts = all(isinstance(part, dict) and "role" not in part for part in said)
        return "".join(map(text_of, said)) if parts else text_of(said[-1])
    return ""


def verify(prediction: Any, completion: str, strict: bool = False) -> Verdict:
    """Compare what a model wrote, text or messages of a chat, with the completion of the dataset.

    strict: it must be the piece and nothing else.
    """
    numbers = all(map(NUMBER.fullmatch, completion.split()))
    answer = parse_rows(completion, numbers)
    said, longest = text_of(prediction), max(map(len, completion.split()))
    try:
        shape = len(answer), len(answer[0]) if numbers else None
        rows = parse_rows(said, numbers) if strict else find_rows(said, numbers, longest, shape)
    except MalformedError as error:
        return Verdict(False, None, f"malformed: {error}")
    found, wanted = (len(rows), len(rows[0])), (len(answer), len(answer[0]))
    if found != wanted:
        return Verdict(
            False, None, f"malformed: {found[0]}x{found[1]}, not {wanted[0]}x{wanted[1]}"
        )
    pairs = zip(rows, answer, strict=True)
    wrong = sum(x != y for row, true in pairs for x, y in zip(row, true, strict=True))
    return Verdict(not wrong, wrong, "right" if not wrong else f"{wrong} cells wrong")


def reward(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
    """For TRL's GRPOTrainer, on text or chat: 1 for a right answer, else 0.

    answer: the column of the dataset, which TRL hands on as it does not "prompt" and "completion".
    """
    return _rewards(completions, answer, False)


def strict_reward(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
    """The same for answers that are the piece and nothing else."""
    return _rewards(completions, answer, True)


def _rewards(completions: list[Any], answer: list[str], strict: bool) -> list[float]:
    pairs = zip(completions, answer, strict=True)
    return [float(verify(said, right, strict).correct) for said, right in pairs]


def main(arguments: list[str]) -> int:
    """Print how many predictions of a JSON Lines file are right; returns the exit code."""
    strict = "--strict" in arguments
    arguments = [word for word in arguments if word != "--strict"]
    if len(arguments) != 1:
        print("usage: python verify_quiz.py [--strict] predictions.jsonl", file=sys.stderr)
        return 2
    verdicts = defaultdict(list)
    try:
        with Path(arguments[0]).open(encoding="utf-8") as file:
            for line in filter(str.strip, file):
                row = json.loads(line)
                verdict = verify(row["prediction"], row["completion"], strict)
                verdicts[row.get("task") or "of no task"].append(verdict)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"{arguments[0]}: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    for task in sorted(verdicts, key=str):
        print(_line(str(task), verdicts[task]))
    print(_line("all", [verdict for of_task in verdicts.values() for verdict in of_task]))
    return 0


def _line(name: str, verdicts: list[Verdict]) -> str:
    right = sum(verdict.correct for verdict in verdicts)
    malformed = sum(verdict.wrong_tokens is None for verdict in verdicts)
    share = right / len(verdicts) if verdicts else 0.0
    return f"{name:16} {right} of {len(verdicts)} right ({share:.1%}), {malformed} malformed"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
