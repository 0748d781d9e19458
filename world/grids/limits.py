"""What grids can be and show; a world that could not draw its quizzes is refused at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from world.core.errors import UserError
from world.grids.painting.rectangles import MIN_SIDE
from world.grids.painting.task import tasks

if TYPE_CHECKING:
    from world.grids.world import GridsWorld

RAREST_SETS = 1e-4
"""Below this chance of drawing a set without overlap, a world is held to be too crowded."""


def refuse_impossible(world: GridsWorld) -> None:
    """Raise UserError where the options of a world contradict each other or leave it no quiz."""
    if not world.tasks:
        raise UserError("world.tasks is empty; name at least one task")
    if len(set(world.tasks)) < len(world.tasks):
        raise UserError(f"world.tasks names a task twice: {', '.join(world.tasks)}")
    if min(world.height, world.width) < MIN_SIDE or world.rectangles < 1:
        raise UserError(
            f"grids need at least {MIN_SIDE}x{MIN_SIDE} cells and one rectangle, got "
            f"{world.height}x{world.width} and {world.rectangles}"
        )
    if not world.plane.fits(world.rectangles):
        raise UserError(
            f"{world.rectangles} rectangles of {MIN_SIDE}x{MIN_SIDE} do not fit in a "
            f"{world.height}x{world.width} grid"
        )
    if world.plane.share(world.rectangles) < RAREST_SETS:
        raise UserError(
            f"{world.rectangles} rectangles crowd a {world.height}x{world.width} grid: sets "
            f"without overlap are too rare to draw; use fewer rectangles or a larger grid"
        )
    if world.vocab_size > 255:
        raise UserError(f"world.colours must be at most 250, got {world.colours}")
    for task in world.tasks:
        _refuse_task(world, task)


def _refuse_task(world: GridsWorld, task: str) -> None:
    """Refuse a task that these grids make impossible."""
    needed = tasks[task]().colours(world.rectangles)
    if needed > world.colours:
        raise UserError(
            f"task {task!r} needs {needed} colours for {world.rectangles} rectangles, "
            f"world.colours is {world.colours}"
        )
    if not world.painter.odds[task].any():
        raise UserError(
            f"task {task!r} is impossible with {world.rectangles} rectangles in a "
            f"{world.height}x{world.width} grid"
        )


def other_tasks(world: GridsWorld) -> tuple[str, ...]:
    """The tasks that grids like these can show and that are not the world's own."""
    return tuple(name for name in tasks if name not in world.tasks and _bears(world, name))


def _bears(world: GridsWorld, task: str) -> bool:
    try:
        replace(world, tasks=(task,))
    except UserError:
        return False
    return True
