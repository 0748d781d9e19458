"""What grids look like: the colours of their cells, and what they are called."""

from __future__ import annotations

from world.core.colours import colour, word
from world.core.view import Piece, View
from world.grids.codec import PARTS, Codec

NAMES = {"A": "A", "fA": "f(A)", "B": "B", "fB": "f(B)"}


def vocabulary(colours: int) -> tuple[str, ...]:
    """The names of all token values: the background, the colours, a label for each grid."""
    labels = (f"label of {NAMES[part]}" for part in PARTS)
    return (*(word(value) for value in range(1 + colours)), *labels)


def grid_view(codec: Codec) -> View:
    """Four grids of coloured cells; nothing is written on a cell."""
    pieces = (
        Piece(NAMES[part], start, codec.height, codec.width)
        for part, start in zip(PARTS, codec.starts, strict=True)
    )
    values = range(1 + codec.colours)
    return View(
        pieces=tuple(pieces),
        palette=tuple(colour(value) for value in values),
        glyphs=("",) * len(values),
        words=tuple(word(value) for value in values),
        about="One rule f makes f(A) of A and f(B) of B.",
        piece="grid",
    )
