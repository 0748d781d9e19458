"""Proposers: procedures by which one agent writes new quizzes.

One procedure is one file in this package. What it proposes must be decided by its arguments
alone, so that a block of proposals can be made again anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from agents.model import AgentModel
from world import QuizBatch, Registry, World

if TYPE_CHECKING:
    from culture_sim.culture_config import CultureConfig


class Proposer(Protocol):
    """A procedure of proposing."""

    def __call__(
        self, model: AgentModel, world: World, seed: int, count: int, config: CultureConfig
    ) -> QuizBatch:
        """``count`` well-formed quizzes in structure 0, of unknown task."""
        ...


proposers: Registry[Proposer] = Registry("proposer", "culture_sim.proposers")

__all__ = ["Proposer", "proposers"]
