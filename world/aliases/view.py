"""What rows look like: words in the colours of their alphabets."""

from __future__ import annotations

from world.aliases.operations import Operation
from world.aliases.rows import ANSWER, FIRST
from world.core.view import Piece, View

BLANK, FIXED, NUMBER, ALIAS = "#f4f4f1", "#ececea", "#d7e7f4", "#fbe5c0"
"""Tints of Okabe and Ito's colours (2008)."""
PIECES = ("row", "answer")


def alias_view(operation: Operation, modulus: int, vocab: tuple[str, ...]) -> View:
    """Two pieces of prose: the row, and the letter that is asked for."""
    letters = (NUMBER,) * modulus + (ALIAS,) * modulus
    tags = (FIXED,) * (len(vocab) - FIRST - len(letters))
    return View(
        pieces=(Piece(PIECES[0], 0, 1, ANSWER), Piece(PIECES[1], ANSWER, 1, 1)),
        palette=(BLANK, *(FIXED,) * (FIRST - 1), *letters, *tags),
        glyphs=("", *vocab[1:]),
        words=vocab,
        about=f"What is {operation.words} modulo {modulus}? Letters with a stroke are aliases of "
        f"the numbers; rows that begin with define link the two.",
        prose=True,
    )
