"""Strings of brackets, written out."""

from itertools import product

import numpy as np

from world import QuizBatch
from world.brackets import BracketsWorld
from world.brackets.nesting import CLOSE, OPEN, Brackets

OF = {"(": OPEN, ")": CLOSE}


def every(length: int) -> Brackets:
    """All strings of a length, uint8 [2 ** length, length]."""
    return np.array(list(product((OPEN, CLOSE), repeat=length)), dtype=np.uint8)


def padded(*texts: str, width: int = 8) -> Brackets:
    """Strings, uint8 [n, width], of their texts."""
    rows = [[OF[bracket] for bracket in text] + [0] * (width - len(text)) for text in texts]
    return np.array(rows, dtype=np.uint8).reshape(len(texts), width)


def quizzes(world: BracketsWorld, *texts: str) -> QuizBatch:
    """Quizzes of known strings in layout 0, answered right, of unknown task."""
    tokens = world.codec.tokens(padded(*texts, width=world.length))
    return QuizBatch(tokens, np.zeros(len(texts), np.uint8), np.full(len(texts), -1, np.int16))
