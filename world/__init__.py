"""Quizzes: the batch type, seeds, the World interface and the worlds themselves (NumPy only)."""

from world.core.batch import UNKNOWN_TASK, QuizBatch, concatenate
from world.core.registry import Registry
from world.core.seeds import Stream
from world.core.world import SPLITS, Axis, Layout, TokenRole, World, worlds

__all__ = [
    "SPLITS",
    "UNKNOWN_TASK",
    "Axis",
    "Layout",
    "QuizBatch",
    "Registry",
    "Stream",
    "TokenRole",
    "World",
    "concatenate",
    "worlds",
]
