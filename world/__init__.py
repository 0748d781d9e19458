"""Worlds: sequences to learn from, what is true of their tokens, and quizzes (NumPy only).

``World`` is what networks, probes and autoencoders need of one, ``QuizWorld`` what culture needs
besides; ``PairedWorld``, ``FlippedWorld`` and ``ExplainedWorld`` are offered by those that can. A
family of worlds is a folder here and registers itself in ``worlds``.
"""

from world.core.batch import UNKNOWN_TASK, QuizBatch, concatenate
from world.core.errors import UserError
from world.core.flips import Flip, FlippedWorld, FlipRoles, Side
from world.core.pairs import Counterfactual, PairedWorld
from world.core.quiz import QuizWorld, Symmetries
from world.core.registry import Registry
from world.core.rules import ExplainedBy, ExplainedWorld, Explanation
from world.core.seeds import Stream
from world.core.show import Quizzes
from world.core.view import Piece, View
from world.core.wording import Wording
from world.core.world import Axis, Layout, Part, World, require_offer, worlds

__all__ = [
    "UNKNOWN_TASK",
    "Axis",
    "Counterfactual",
    "ExplainedBy",
    "ExplainedWorld",
    "Explanation",
    "Flip",
    "FlipRoles",
    "FlippedWorld",
    "Layout",
    "PairedWorld",
    "Part",
    "Piece",
    "QuizBatch",
    "QuizWorld",
    "Quizzes",
    "Registry",
    "Side",
    "Stream",
    "Symmetries",
    "UserError",
    "View",
    "Wording",
    "World",
    "concatenate",
    "require_offer",
    "worlds",
]
