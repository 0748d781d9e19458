"""Says whether a language model answered a quiz exactly right; needs Python's library alone.

A quiz is a prompt that shows some of its pieces and names one more, which is the completion. A
piece is written a row a line, its cells as numbers or letters with spaces between them. An answer
is right when it is the piece asked for, cell by cell, and nothing else.

    python verify_quiz.py predictions.jsonl

reads one JSON object a line, with the "completion" of the dataset, the "prediction" of a model
and, where there is one, the "task"; it prints how many are right.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

NUMBER = re.compile(r"[0-9]{1,5}")
LONGEST = 16
"""Characters of a cell."""

Rows = list[list[str]]
"""Rows of cells, all of one length."""


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


def verify(prediction: str, completion: str) -> Verdict:
    """Compare what a model wrote with the completion of the dataset."""
    numbers = all(map(NUMBER.fullmatch, completion.split()))
    answer = parse_rows(completion, numbers)
    try:
        rows = parse_rows(prediction, numbers)
    except MalformedError as error:
        return Verdict(False, None, f"malformed: {error}")
    shape, wanted = (len(rows), len(rows[0])), (len(answer), len(answer[0]))
    if shape != wanted:
        return Verdict(
            False, None, f"malformed: {shape[0]}x{shape[1]}, not {wanted[0]}x{wanted[1]}"
        )
    pairs = zip(rows, answer, strict=True)
    wrong = sum(x != y for row, true in pairs for x, y in zip(row, true, strict=True))
    return Verdict(not wrong, wrong, "right" if not wrong else f"{wrong} cells wrong")


def main(arguments: list[str]) -> int:
    """Print how many predictions of a JSON Lines file are right; returns the exit code."""
    if len(arguments) != 1:
        print("usage: python verify_quiz.py predictions.jsonl", file=sys.stderr)
        return 2
    verdicts = defaultdict(list)
    try:
        with Path(arguments[0]).open(encoding="utf-8") as file:
            for line in filter(str.strip, file):
                row = json.loads(line)
                verdict = verify(row["prediction"], row["completion"])
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
