"""What grids look like: the colours of their cells, and what they are called."""

from __future__ import annotations

from world.core.view import Piece, View
from world.grids.codec import PARTS, Codec

PALETTE = (
    "#f4f4f1",
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#d55e00",
    "#56b4e9",
    "#f0e442",
    "#7b4b94",
    "#7f7f7f",
    "#222222",
)
"""Background, then colours after Okabe and Ito (2008), told apart by colour-blind readers."""
WORDS = (
    *("background", "blue", "orange", "green", "pink", "vermilion", "sky blue", "yellow"),
    *("purple", "grey", "black"),
)
"""What the colours of the palette are called."""
NAMES = {"A": "A", "fA": "f(A)", "B": "B", "fB": "f(B)"}


def colour(value: int) -> str:
    """The colour of a cell value as #rrggbb; values beyond the palette go round it."""
    return PALETTE[value] if value < len(PALETTE) else PALETTE[1 + (value - 1) % (len(PALETTE) - 1)]


def word(value: int) -> str:
    """What the colour of a cell value is called; values beyond the palette by number."""
    return WORDS[value] if value < len(WORDS) else f"colour {value}"


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
