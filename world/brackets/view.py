"""What strings of brackets look like, and the path that they climb."""

from __future__ import annotations

from world.brackets.codec import PIECES, Codec
from world.core.view import Piece, View

BLANK, OPENS, CLOSES = "#f4f4f1", "#d7e7f4", "#fbe5c0"
RIGHT, WRONG, SCRATCH = "#cfeadf", "#f8d9c5", "#e5dbea"
"""Tints of Okabe and Ito's colours (2008)."""


def bracket_view(codec: Codec) -> View:
    """Two rows of cells: the string, over which its height is drawn, and what is answered."""
    own = codec.vocab[7:]
    glyphs = ("", "(", ")", "Y", "N", "<", ">", *("#" if w == "below zero" else w for w in own))
    return View(
        pieces=(
            Piece(PIECES[0], 1, 1, codec.length),
            Piece(PIECES[1], codec.answer, 1, codec.room + 1),
        ),
        palette=(BLANK, OPENS, CLOSES, RIGHT, WRONG, BLANK, BLANK, *(SCRATCH for _ in own)),
        glyphs=glyphs,
        words=codec.vocab,
        about="Is the string of brackets balanced?",
        climbs=(0, 1, -1),
    )
