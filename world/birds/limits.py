"""What a sky can hold; a world that could not draw its quizzes is refused at once."""

from __future__ import annotations

from collections.abc import Sequence

from world.birds.flocks import APART, KINDS, RAREST_FLOCKS, Flocks
from world.core.errors import UserError

LEAST_SIDE, MOST_SIDE = 3, 32
MOST_COLOURS = 250


def refuse_impossible(flocks: Flocks, tasks: Sequence[str], held_out: Sequence[str]) -> None:
    """Raise UserError where the options of a world contradict each other or leave it no quiz."""
    _refuse_shape(flocks)
    if not tasks:
        raise UserError("world.tasks is empty; name at least one task")
    for option, names in (("tasks", tasks), ("held_out_tasks", held_out)):
        if len(set(names)) < len(names):
            raise UserError(f"world.{option} names a task twice: {', '.join(names)}")
        for name in names:
            refuse_unknown(name)
    for name in tasks:
        if (reason := reason_against(flocks, name)) is not None:
            raise UserError(reason)


def _refuse_shape(flocks: Flocks) -> None:
    sky = flocks.sky
    for side in ("height", "width"):
        if not LEAST_SIDE <= getattr(sky, side) <= MOST_SIDE:
            raise UserError(
                f"world.{side} must be {LEAST_SIDE} to {MOST_SIDE}, got {getattr(sky, side)}"
            )
    if not 1 <= flocks.birds <= flocks.colours <= MOST_COLOURS:
        raise UserError(
            f"world.birds must be at least 1 and at most world.colours, which is {flocks.colours} "
            f"and at most {MOST_COLOURS}; got {flocks.birds}"
        )
    if not 1 <= flocks.speed < sky.period:
        raise UserError(
            f"world.speed must be 1 to {sky.period - 1}, got {flocks.speed}: after {sky.period} "
            f"steps every bird of a {sky.height}x{sky.width} grid is back where it was"
        )


def refuse_unknown(task: str) -> None:
    """Raise UserError for a task of no such name."""
    if task not in KINDS:
        raise UserError(f"unknown task {task!r}; known: {', '.join(KINDS)}")


def reason_against(flocks: Flocks, task: str) -> str | None:
    """Why such flocks cannot be of a task, None where they can. Raises UserError where there is
    none of that name."""
    refuse_unknown(task)
    if not 1 <= flocks.birds <= flocks.colours:
        return f"{flocks.birds} birds need as many colours, world.colours is {flocks.colours}"
    if task != APART and flocks.birds < 2:
        return f"task {task!r} needs two birds, world.birds is {flocks.birds}"
    if task == APART and flocks.share_apart < RAREST_FLOCKS:
        return (
            f"{flocks.birds} birds crowd a {flocks.sky.height}x{flocks.sky.width} grid: flocks "
            f"without overlap are too rare to draw; use fewer birds or a larger grid"
        )
    return None
