"""Quizzes as plain text for language models, and the world's own judgement of their answers.

``verify_quiz`` compares an answer with the one in the dataset and travels with it; here the
rule itself decides, by the verifier of its task, which never sees the right answer.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from culture_sim.export.verify_quiz import LABELS, MalformedError, Verdict, parse_grid, parse_prompt
from world import QuizBatch
from world.grids.painting.task import tasks
from world.grids.world import GridsWorld

INSTRUCTION = "One rule f makes f(A) of A and f(B) of B. Write the last grid."


def to_text(world: GridsWorld, batch: QuizBatch) -> tuple[list[str], list[str]]:
    """B prompts and B completions, each quiz in the order of its layout."""
    prompts, completions = [], []
    rows = np.ascontiguousarray(world.grids(batch)).view(f"V{world.width}")
    quizzes = rows.reshape(len(batch), len(LABELS), world.height).tolist()
    for quiz, layout in zip(quizzes, batch.layout.tolist(), strict=True):
        *shown, asked = world.layouts[layout].parts
        blocks = [f"{LABELS[part]}:\n{_grid(quiz[part])}" for part in shown]
        prompts.append("\n\n".join([INSTRUCTION, *blocks, f"{LABELS[asked]}:\n"]))
        completions.append(_grid(quiz[asked]))
    return prompts, completions


def _grid(rows: list[bytes]) -> str:
    return "\n".join(map(_row, rows))


@lru_cache(maxsize=1 << 16)
def _row(cells: bytes) -> str:
    """Few rows are possible, and each is written often."""
    return " ".join(map(str, cells))


def verify(task: str, prompt: str, prediction: str) -> Verdict:
    """Whether the quiz, completed by a model's prediction, obeys the rule of a task.

    wrong_cells of the verdict is None: a rule accepts or refuses. Raises UserError for an
    unknown task and MalformedError, a ValueError, for a prompt that is none.
    """
    rule = tasks[task]()
    shown, asked = parse_prompt(prompt)
    try:
        quiz = {**shown, asked: parse_grid(prediction)}
        # A verifier learns the rule from its first pair and judges the second.
        order = LABELS if asked in LABELS[2:] else (*LABELS[2:], *LABELS[:2])
        grids = np.array([quiz[label] for label in order])
        if grids.max() > np.iinfo(np.uint8).max:
            raise MalformedError(f"no colour: {grids.max()}")
    except ValueError as error:  # of NumPy where the grids differ in shape
        reason = error if isinstance(error, MalformedError) else "another shape than the others"
        return Verdict(False, None, f"malformed: {reason}")
    obeys = rule.verify(*grids.astype(np.uint8))
    return Verdict(obeys, None, "right" if obeys else f"not by the rule of {task}")
