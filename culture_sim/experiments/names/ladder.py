"""The ladder of worlds: each rung has one thing more than the one below it, so that what emerges on
a rung is owed to that."""

from __future__ import annotations

from world.names import LADDER, NamesWorld

RUNGS = (
    "six names in one template",
    "100 names",
    "fillers in between, and an answer that moves",
    "many templates, and sentences of three names",
    "words said twice",
)
"""What each rung has more than the one below it."""
MOVING = 2
"""The first rung on which place, distance and order of the names vary apart."""


def world_of(rung: int) -> NamesWorld:
    """The world of a rung."""
    return NamesWorld(**LADDER[rung])
