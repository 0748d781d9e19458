"""Colours of cells and what they are called, for worlds whose token values have no look of their
own."""

from __future__ import annotations

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


def colour(value: int) -> str:
    """The colour of a cell value as #rrggbb; values beyond the palette go round it."""
    return PALETTE[value] if value < len(PALETTE) else PALETTE[1 + (value - 1) % (len(PALETTE) - 1)]


def word(value: int) -> str:
    """What the colour of a cell value is called; values beyond the palette by number."""
    return WORDS[value] if value < len(WORDS) else f"colour {value}"
