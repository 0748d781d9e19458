"""What a world of brackets can be; one whose strings do not exist is refused at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from world.brackets.nesting import BALANCED, EQUAL, KINDS, UNEQUAL
from world.brackets.scratch import refuse_long
from world.core.errors import AMOUNT, SHARE, UserError, require

if TYPE_CHECKING:
    from world.brackets.world import BracketsWorld

LEAST, MOST = 4, 64
"""Brackets of the longest string: four can fail in every way."""
UNBALANCED = "unbalanced"
TASKS: dict[str, tuple[int, ...]] = {
    KINDS[BALANCED]: (BALANCED,),
    UNBALANCED: (*UNEQUAL, *EQUAL),
    **{KINDS[kind]: (kind,) for kind in (*UNEQUAL, *EQUAL)},
}
"""By task, the kinds of string that it draws."""


def refuse_impossible(world: BracketsWorld) -> None:
    """Raise UserError, naming the option, for options that no strings agree with."""
    _check_lengths(world)
    _check_depths(world)
    _check_tasks(world)
    require(world, "world", AMOUNT, "string_weight")
    refuse_long(world.scratch, world.length)


def _check_lengths(world: BracketsWorld) -> None:
    if world.length % 2 or not LEAST <= world.length <= MOST:
        raise UserError(f"world.length must be even, {LEAST} to {MOST}, got {world.length}")
    if world.shortest % 2 or not 2 <= world.shortest <= world.length:
        raise UserError(
            f"world.shortest must be even, 2 to world.length ({world.length}), got {world.shortest}"
        )


def _check_depths(world: BracketsWorld) -> None:
    low, high = world.shallowest, world.deepest
    if low < 0 or high < 0 or (high and high < low):
        raise UserError(
            f"world.shallowest ({low}) must be 0 or more and at most world.deepest ({high}), "
            f"which 0 leaves open"
        )
    if low > world.shortest // 2:
        raise UserError(
            f"world.shallowest ({low}) must be at most half of world.shortest ({world.shortest}): "
            f"no string of that length is deeper"
        )
    if high > world.length // 2:
        raise UserError(
            f"world.deepest ({high}) must be at most half of world.length ({world.length}): no "
            f"string of that length is deeper"
        )
    if (low or high) and world.balanced == "uniform":
        raise UserError(
            "world.shallowest and world.deepest need world.balanced walk: strings of given depths "
            "are not drawn uniformly"
        )


def _check_tasks(world: BracketsWorld) -> None:
    require(world, "world", SHARE, "equal_count_share")
    if not world.tasks:
        raise UserError("world.tasks is empty; name at least one task")
    for name in world.tasks:
        if name not in TASKS:
            raise UserError(f"unknown world.tasks {name!r}; known: {', '.join(TASKS)}")
    kinds = [kind for name in world.tasks for kind in TASKS[name]]
    twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if twice is not None:
        raise UserError(f"world.tasks draws {KINDS[twice]} twice: {', '.join(world.tasks)}")
    if world.equal_count_share and UNBALANCED not in world.tasks:
        raise UserError(
            f"world.equal_count_share ({world.equal_count_share:g}) is a share of the task "
            f"{UNBALANCED}, which is not among world.tasks: {', '.join(world.tasks)}"
        )
