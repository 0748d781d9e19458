"""The grids world: quizzes of rectangles on a background."""

from world.grids.world import HELD_OUT_TASKS, PUBLISHED_TASKS, SOURCE_TASKS, GridsWorld

__all__ = ["HELD_OUT_TASKS", "PUBLISHED_TASKS", "SOURCE_TASKS", "GridsWorld"]
