"""Quizzes of names, written out."""

import numpy as np

from world import QuizBatch
from world.names import NamesWorld


def quizzes(world: NamesWorld, *texts: str) -> QuizBatch:
    """Quizzes in layout 0, of unknown task; the last word of a text is the answer."""
    tokens = np.zeros((len(texts), world.seq_len), dtype=np.uint8)
    for row, text in enumerate(texts):
        words = [world.vocab.index(word) for word in text.split()]
        tokens[row, world.seq_len - len(words) :] = words
    return QuizBatch(tokens, np.zeros(len(texts), np.uint8), np.full(len(texts), -1, np.int16))


def texts(world: NamesWorld, batch: QuizBatch) -> list[str]:
    """What quizzes say, their blanks left out."""
    plain = world.arrange(batch, 0).tokens.tolist()
    return [" ".join(world.vocab[value] for value in row if value) for row in plain]
