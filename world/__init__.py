"""Quizzes: the batch type, seeds, the World interface and the worlds themselves (NumPy only)."""

from world.core.batch import UNKNOWN_TASK, QuizBatch, concatenate
from world.core.registry import Registry
from world.core.seeds import Stream
from world.core.world import SPLITS, Axis, Structure, TokenRole, World, worlds

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
