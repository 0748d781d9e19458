"""What sentences look like: words in the colours of their kinds."""

from __future__ import annotations

from world.core.view import Piece, View
from world.names.sentences import PIECES, Codec
from world.names.words import CLASSES

BLANK = "#f4f4f1"
TINTS = {
    "fixed": "#ececea",
    "verb": "#e5dbea",
    "filler": "#f8f0cf",
    "place": "#cfeadf",
    "object": "#fbe5c0",
    "name": "#d7e7f4",
}
"""Tints of Okabe and Ito's colours (2008), by class of word."""


def name_view(codec: Codec) -> View:
    """Two pieces of prose: the sentence, and the word that is asked for."""
    words, classes = codec.words.vocab, codec.words.class_of[1:].tolist()
    return View(
        pieces=(
            Piece(PIECES[0], codec.floats, 1, codec.width),
            Piece(PIECES[1], codec.answer, 1, 1),
        ),
        palette=(BLANK, *(TINTS[CLASSES[kind]] for kind in classes)),
        glyphs=("", *words[1:]),
        words=words,
        about="Two people are named, and one does something for the other: for whom? "
        "If somebody else does it, for them.",
        prose=True,
    )
