"""The grids world: quizzes of rectangles on a background, with fourteen tasks."""

from world.grids.world import PARTS, PUBLISHED_TASKS, GridsWorld

__all__ = ["PARTS", "PUBLISHED_TASKS", "GridsWorld"]
