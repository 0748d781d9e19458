"""What a world of names can be, and the ladder of worlds; what is impossible is refused at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from world.core.errors import AMOUNT, UserError, require
from world.names.words import ENDINGS, NAMES

if TYPE_CHECKING:
    from world.names.world import NamesWorld

ABB, BAB, ABC, TWICE, REPEAT = TASKS = ("abb", "bab", "abc", "twice", "repeat")
"""The second of two names gives, or the first, or a third, and then the answer is ``them``; one of
the two gives, and the other is named in between; words at random, said once more."""
OF_TWO = (ABB, BAB)

_MOVING = {"prefix": 6, "gap": 2, "floats": 4}
LADDER: tuple[Mapping[str, Any], ...] = (
    {"names": 6, "templates": 1, "prefix": 0, "gap": 0, "floats": 0, "tasks": OF_TWO},
    {"templates": 1, "prefix": 0, "gap": 0, "floats": 0, "tasks": OF_TWO},
    {"templates": 1, **_MOVING, "tasks": OF_TWO},
    {**_MOVING, "tasks": (*OF_TWO, ABC)},
    {**_MOVING, "tasks": (*OF_TWO, ABC, REPEAT)},
)
"""Options of worlds, each with one thing more than the one before it: six names in one template;
100 names; sentences and answers that move; many templates, and third names; repeated words."""

_LIMITS = {
    "names": (6, len(NAMES)),
    "prefix": (0, 16),
    "gap": (0, 8),
    "floats": (0, 16),
    "distractors": (0, 4),
}
FEWEST_TEMPLATES = 4
"""With fewer halves, most templates would be held out."""


def refuse_impossible(world: NamesWorld) -> None:
    """Raise UserError, naming the option, for what no sentences agree with."""
    for option, (low, high) in _LIMITS.items():
        if not low <= getattr(world, option) <= high:
            raise UserError(f"world.{option} must be {low} to {high}, got {getattr(world, option)}")
    if world.templates != 1 and not FEWEST_TEMPLATES <= world.templates <= len(ENDINGS):
        raise UserError(
            f"world.templates must be 1, or {FEWEST_TEMPLATES} to {len(ENDINGS)}, "
            f"got {world.templates}"
        )
    if world.names < 4 + world.distractors:
        raise UserError(
            f"world.distractors ({world.distractors}) needs world.names to be at least "
            f"{4 + world.distractors}, got {world.names}"
        )
    _check_tasks(world)
    require(world, "world", AMOUNT, "text_weight")


def _check_tasks(world: NamesWorld) -> None:
    if not world.tasks:
        raise UserError("world.tasks is empty; name at least one task")
    for name in world.tasks:
        refuse_unknown(name)
    if len(set(world.tasks)) < len(world.tasks):
        raise UserError(f"world.tasks names a task twice: {', '.join(world.tasks)}")
    if TWICE in world.tasks and not world.distractors:
        raise UserError(
            f"world.tasks names {TWICE}, which needs world.distractors to be at least 1"
        )


def refuse_unknown(task: str) -> None:
    """Raise UserError for a task of no such name."""
    if task not in TASKS:
        raise UserError(f"unknown task {task!r}; known: {', '.join(TASKS)}")
