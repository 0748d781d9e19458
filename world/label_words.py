"""What the labels of a grid quiz are called in plain English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from world.render import NAMES, word
from world.wording import Wording

if TYPE_CHECKING:
    from world.worlds.grids import GridsWorld

PARTS = tuple(NAMES.values())
FLAGS = {
    "like_left": ("differs from the cell on its left", "is like the cell on its left"),
    "like_above": ("differs from the cell above", "is like the cell above"),
    "fresh": ("has a colour seen earlier in its grid", "is the first of its colour in its grid"),
    "taken": ("has no colour that the rule takes away", "has a colour that the rule takes away"),
    "put": ("has no colour that the rule puts in", "has a colour that the rule puts in"),
    "departs": ("is not where a copy ends", "is the first that differs from its source"),
    "departed": ("comes before a copy ends", "comes after a copy ended"),
    "changed": ("is the same in X and f(X)", "differs between X and f(X)"),
    "top": ("is not in the top row of its object", "is in the top row of its object"),
    "left": ("is not in its object's left column", "is in its object's left column"),
    "bottom": ("is not in the bottom row of its object", "is in the bottom row of its object"),
    "right": ("is not in its object's right column", "is in its object's right column"),
    "acted": ("is of an object that the rule spares", "is of an object that the rule changes"),
}
"""Of labels that are 0 or 1: what is said of each."""
PHRASES = {
    "part": "is in {}",
    "slot": "is in the {}",
    "row": "is in {}",
    "column": "is in {}",
    "colour": "is {}",
    "above": "is below {}",
    "source": "has {} at its place in the grid it is made from",
    "rectangle": "is of {}",
    "edge": "is {}",
    "corner": "is {} of an object",
    "task": "is of task {}",
    "structure": "is written {}",
}


def grid_wording(world: GridsWorld) -> Wording:
    """Words for every label of ``grid_labels``."""
    colours = tuple(word(value) for value in range(world.colours + 1))
    values = {
        "part": PARTS,
        "slot": tuple(f"{nth} grid written" for nth in ("first", "second", "third", "fourth")),
        "row": tuple(f"row {i + 1}" for i in range(world.height)),
        "column": tuple(f"column {i + 1}" for i in range(world.width)),
        **dict.fromkeys(("colour", "above", "source"), colours),
        # A task paints at most three marks beside the rectangles.
        "rectangle": tuple(f"object {i + 1}" for i in range(world.rectangles + 3)),
        "edge": ("background", "on the border of an object", "inside an object"),
        "corner": ("no corner", *(f"the {i} {j} corner" for i in _ROWS for j in _COLUMNS)),
        "task": world.tasks,
        "structure": tuple(
            ", ".join(PARTS[part] for part in structure.parts) for structure in world.structures
        ),
        **FLAGS,
    }
    return Wording("cell", values, {**PHRASES, **dict.fromkeys(FLAGS, "{}")})


_ROWS, _COLUMNS = ("top", "bottom"), ("left", "right")
