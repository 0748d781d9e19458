"""What the labels of a grid quiz are called in plain English."""

from __future__ import annotations

from world.core.colours import word
from world.core.wording import Wording
from world.grids.codec import Codec
from world.grids.view import NAMES

PARTS = tuple(NAMES.values())
CORNERS = ("top left", "top right", "bottom left", "bottom right")
FLAGS = {
    "like_left": ("differs from the cell on its left", "is like the cell on its left"),
    "like_above": ("differs from the cell above", "is like the cell above"),
    "fresh": ("has a colour seen earlier in its grid", "is the first of its colour in its grid"),
    "taken": ("has no colour that the rule takes away", "has a colour that the rule takes away"),
    "put": ("has no colour that the rule puts in", "has a colour that the rule puts in"),
    "departs": (
        "is in a grid made from another, not where it first differs",
        "is the first that differs from its source",
    ),
    "departed": ("comes in a copy that has not ended", "comes after a copy ended"),
    "changed": ("is the same in X and f(X)", "differs between X and f(X)"),
    "bottom": (
        "is in an object above its bottom row",
        "is in the bottom row of its object",
    ),
    "right": (
        "is in an object left of its right column",
        "is in the right column of its object",
    ),
    "acted": ("is of an object that the rule spares", "is of an object that the rule changes"),
}
"""Of labels that are 0 or 1: what is said of each."""
PHRASES = {
    "part": "is in {}",
    "slot": "is in the {}",
    "row": "is in {}",
    "column": "is in {}",
    "place": "is in {}",
    "colour": "is {}",
    "above": "is below {}",
    "latest": "has {} as the latest of its grid",
    "source": "has {} at its place in the grid it is made from",
    "rectangle": "is of {}",
    "edge": "is {}",
    "down": "is in {} of its object",
    "across": "is in {} of its object",
    "corner": "is {} of an object",
    "task": "is of task {}",
    "layout": "is written {}",
}


def grid_wording(codec: Codec, rectangles: int, tasks: tuple[str, ...]) -> Wording:
    """Words for every label of ``grid_labels``."""
    colours = tuple(word(value) for value in range(codec.colours + 1))
    values = {
        "part": PARTS,
        "slot": tuple(f"{nth} grid written" for nth in ("first", "second", "third", "fourth")),
        "row": tuple(f"row {i + 1}" for i in range(codec.height)),
        "column": tuple(f"column {i + 1}" for i in range(codec.width)),
        "place": tuple(
            f"row {i + 1} column {j + 1}" for i in range(codec.height) for j in range(codec.width)
        ),
        **dict.fromkeys(("colour", "above", "source"), colours),
        "latest": ("no colour", *colours[1:]),
        # Three marks at most beside the rectangles; `symbols` has four blocks and a mark.
        "rectangle": tuple(f"object {i + 1}" for i in range(max(rectangles + 3, 5))),
        "edge": ("background", "on the border of an object", "inside an object"),
        "down": ("the top row", *(f"row {i + 1}" for i in range(1, codec.height))),
        "across": ("the left column", *(f"column {i + 1}" for i in range(1, codec.width))),
        "corner": ("no corner", *(f"the {at} corner" for at in CORNERS)),
        "task": tasks,
        "layout": tuple(
            ", ".join(PARTS[part] for part in layout.parts) for layout in codec.layouts
        ),
        **FLAGS,
    }
    return Wording("cell", values, {**PHRASES, **dict.fromkeys(FLAGS, "{}")})
