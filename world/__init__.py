"""Quizzes: the batch type, seeds, the World interface and the worlds themselves (NumPy only)."""

import world.worlds  # noqa: F401  (loaded later, the package would hide the registry of that name)
from world.base import SPLITS, Axis, Structure, TokenRole, World, worlds
from world.batch import UNKNOWN_TASK, QuizBatch, concatenate
from world.registry import Registry
from world.seeds import Stream

__all__ = [
    "SPLITS",
    "UNKNOWN_TASK",
    "Axis",
    "QuizBatch",
    "Registry",
    "Stream",
    "Structure",
    "TokenRole",
    "World",
    "concatenate",
    "worlds",
]
