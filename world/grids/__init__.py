"""The grids world: quizzes of rectangles on a background, with fourteen tasks."""

from world.grids.world import HELD_OUT_TASKS, PUBLISHED_TASKS, GridsWorld

__all__ = ["HELD_OUT_TASKS", "PUBLISHED_TASKS", "GridsWorld"]
