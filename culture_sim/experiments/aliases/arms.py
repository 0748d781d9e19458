"""What agents of an experiment are given: one table or two, and which links between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from world.aliases.options import ALIASES, NUMBERS, TASKS

ALONE = "one table"
TWO = "two tables"
LINKED = "linked"
DERANGED = "deranged"
HALF = "half linked"
ONE_WAY = "one way"
TAGGED = "tagged"
JOINED = "joined"
_TABLES = (TASKS[NUMBERS], TASKS[ALIASES])
ARMS: Mapping[str, Mapping[str, Any]] = {
    ALONE: {"tasks": _TABLES[:1]},
    TWO: {"tasks": _TABLES},
    LINKED: {"tasks": TASKS},
    DERANGED: {"tasks": TASKS, "links": "deranged"},
    HALF: {"tasks": TASKS, "links": "half"},
    ONE_WAY: {"tasks": TASKS, "links": "one_way"},
    TAGGED: {"tasks": TASKS, "links": "tagged"},
    JOINED: {"tasks": _TABLES[:1], "joined": True},
}
"""Options of the world, by arm: the table of numbers alone; that of aliases as well, which is the
null; links that join what both tables show, links that mislead, links of half of the numbers, links
that are asked from numbers to aliases only, links that are tagged as reliable or not; and one
alphabet trained on the cells of both, beyond which no link can lead."""
FEATURED = (TWO, LINKED, DERANGED)
"""Arms whose agents are looked at by autoencoders."""


def weighted(weight: float) -> tuple[str, Mapping[str, Any]]:
    """The arm whose links count for so much in the loss, where a table's row counts 1."""
    return f"{LINKED}, weight {weight:g}", {**ARMS[LINKED], "weights": (1.0, 1.0, weight)}
