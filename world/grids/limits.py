"""What grids can be and show; a world that could not draw its quizzes is refused at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from world.core.errors import UserError
from world.core.world import World
from world.grids.painting.material import Material
from world.grids.painting.painter import Painter
from world.grids.painting.rectangles import MIN_SIDE, CrowdedPlane, Plane
from world.grids.painting.task import tasks as registered

RAREST_SETS = 1e-4
"""Below this chance of drawing a set without overlap, a world is held to be too crowded."""
MOST_COLOURS = 250


@dataclass(frozen=True)
class Shape:
    """Grids of so many rows and columns, with so many colours and rectangles."""

    height: int
    width: int
    colours: int
    rectangles: int

    @property
    def plane(self) -> Plane:
        """The extent of a grid."""
        return Plane(self.height, self.width)

    @property
    def can_be_drawn(self) -> bool:
        """Whether so many rectangles fit in a grid, and often enough to be drawn."""
        plane, rectangles = self.plane, self.rectangles
        return rectangles > 0 and plane.fits(rectangles) and plane.share(rectangles) >= RAREST_SETS


@dataclass(frozen=True)
class Crowded:
    """Where rectangles stand that no grid of a world can show, and the tasks to see them in."""

    plane: CrowdedPlane
    tasks: tuple[str, ...]


def refuse_impossible(shape: Shape, tasks: Sequence[str], held_out: Sequence[str]) -> None:
    """Raise UserError where the options of a world contradict each other or leave it no quiz."""
    if not tasks:
        raise UserError("world.tasks is empty; name at least one task")
    for option, names in (("tasks", tasks), ("held_out_tasks", held_out)):
        if len(set(names)) < len(names):
            raise UserError(f"world.{option} names a task twice: {', '.join(names)}")
    _refuse_shape(shape)
    for name in tasks:
        if (reason := _reason_against(shape, name)) is not None:
            raise UserError(reason)
    for name in held_out:
        registered[name]  # raises where there is none of that name


def _refuse_shape(shape: Shape) -> None:
    extent = f"{shape.height}x{shape.width}"
    if min(shape.height, shape.width) < MIN_SIDE or shape.rectangles < 1:
        raise UserError(
            f"grids need at least {MIN_SIDE}x{MIN_SIDE} cells and one rectangle, got "
            f"{extent} and {shape.rectangles}"
        )
    if not shape.plane.fits(shape.rectangles):
        raise UserError(
            f"{shape.rectangles} rectangles of {MIN_SIDE}x{MIN_SIDE} do not fit in a {extent} grid"
        )
    if shape.plane.share(shape.rectangles) < RAREST_SETS:
        raise UserError(
            f"{shape.rectangles} rectangles crowd a {extent} grid: sets "
            f"without overlap are too rare to draw; use fewer rectangles or a larger grid"
        )
    if shape.colours > MOST_COLOURS:
        raise UserError(f"world.colours must be at most {MOST_COLOURS}, got {shape.colours}")


def _reason_against(shape: Shape, task: str) -> str | None:
    """Why these grids cannot show a task, None where they can."""
    needed = registered[task]().colours(shape.rectangles)
    if needed > shape.colours:
        return (
            f"task {task!r} needs {needed} colours for {shape.rectangles} rectangles, "
            f"world.colours is {shape.colours}"
        )
    if (missing := registered[task]().against(shape.plane)) is not None:
        return f"task {task!r} needs {missing}; the grids are {shape.height}x{shape.width}"
    painter = Painter(shape.plane, shape.rectangles, shape.colours, (task,))
    if not painter.material[task].possible:
        return (
            f"task {task!r} is impossible with {shape.rectangles} rectangles in a "
            f"{shape.height}x{shape.width} grid"
        )
    return None


def examinable_tasks(shape: Shape, names: Sequence[str], but: Sequence[str]) -> tuple[str, ...]:
    """The tasks among ``names`` that such grids can show, with quizzes to examine agents on, and
    that are not among ``but``."""
    wanted = (n for n in names if n not in but and _reason_against(shape, n) is None)
    return tuple(name for name in wanted if _has_test_quizzes(shape, name))


def _has_test_quizzes(shape: Shape, task: str) -> bool:
    material = Material(registered[task](), shape.plane, shape.rectangles)
    return bool(material.odds(World.splits.index("test")).any())


def shows_more(shape: Shape, other: Shape, task: str) -> bool:
    """Whether a task has other scenes in grids of another number of rectangles."""
    scenes = (registered[task]().scenes(s.plane, s.rectangles).rectangles for s in (shape, other))
    return len(set(scenes)) > 1


def crowded_out(shape: Shape, names: Sequence[str]) -> Crowded | None:
    """What these tasks can show of single rectangles that leave no room for those beside them in
    all grids of such a shape; None where there are none, or too many to look at."""
    if not all(registered[name].keeps_to_scene for name in names):
        return None
    shown = (registered[name]().scenes(shape.plane, shape.rectangles).rectangles for name in names)
    fewest = min((rectangles for rectangles in shown if rectangles), default=0)
    if fewest < 2:
        return None
    plane = CrowdedPlane(shape.height, shape.width, fewest - 1)
    alone = replace(shape, rectangles=1)
    found = [n for n in names if registered[n]().scenes(plane, 1).rectangles == 1]
    found = [n for n in found if _reason_against(alone, n) is None and _shows_any(plane, n)]
    return Crowded(plane, tuple(found)) if found else None


def _shows_any(plane: CrowdedPlane, task: str) -> bool:
    """Whether there are quizzes of a task with a single rectangle of those on a plane."""
    return len(plane.listed(1)) > 0 and Material(registered[task](), plane, 1).possible
