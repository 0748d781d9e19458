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
JOINED = "joined"
_TABLES = (TASKS[NUMBERS], TASKS[ALIASES])
ARMS: Mapping[str, Mapping[str, Any]] = {
    ALONE: {"tasks": _TABLES[:1]},
    TWO: {"tasks": _TABLES},
    LINKED: {"tasks": TASKS},
    DERANGED: {"tasks": TASKS, "links": "deranged"},
    HALF: {"tasks": TASKS, "links": "half"},
    JOINED: {"tasks": _TABLES[:1], "joined": True},
}
"""Options of the world, by arm: the table of numbers alone; that of aliases as well, which is the
null; links that join what both tables show, links that mislead, links of half of the numbers; and
one alphabet trained on the cells of both, beyond which no link can lead."""
