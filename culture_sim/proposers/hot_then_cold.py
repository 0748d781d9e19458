"""The source's procedure: an unlikely answer first, then a likely quiz that leads to it.

F. Fleuret's culture (2024) samples f(B) hot, so that it is something new, and then f(A), A and
B at temperature 1, so that the rest makes it as plausible as it can be. The last step asks the
agent for the answer again, now that it can see the quiz; greedily here, where the source samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from agents.generation import generate
from agents.model import AgentModel
from culture_sim.proposers import proposers
from world import UNKNOWN_TASK, QuizBatch, TokenRole, World

if TYPE_CHECKING:
    from culture_sim.culture_config import CultureConfig

FORWARD = 0


@proposers.register("hot_then_cold")
def hot_then_cold(
    model: AgentModel, world: World, seed: int, count: int, config: CultureConfig
) -> QuizBatch:
    """Write whole quizzes in the generating structure, then answer them in the forward one."""
    sampled = sample(model, world, seed, count, config)
    asked = world.arrange(sampled, FORWARD)
    answer = generate(
        model,
        torch.from_numpy(asked.tokens).long(),
        torch.from_numpy(world.roles[FORWARD] == TokenRole.ANSWER),
        temperature=0.0,
        allowed=torch.from_numpy(world.allowed[FORWARD]),
        batch_size=count,
    )
    return QuizBatch(answer.cpu().numpy().astype(np.uint8), asked.structure, asked.task)


def sample(
    model: AgentModel, world: World, seed: int, count: int, config: CultureConfig
) -> QuizBatch:
    """Quizzes sampled from nothing, the first part hot, in the generating structure."""
    structure = world.generating_structure
    allowed = world.allowed[structure]
    # Where only one value may stand (a label), it is given, not sampled.
    given = np.where(allowed.sum(axis=1) == 1, allowed.argmax(axis=1), 0)
    heat = np.where(_first_part(world), config.hot_temperature, config.temperature)
    tokens = generate(
        model,
        torch.from_numpy(given).expand(count, -1),
        torch.from_numpy(allowed.sum(axis=1) > 1),
        torch.from_numpy(heat),
        torch.from_numpy(allowed),
        torch.Generator().manual_seed(seed),
        batch_size=count,
    )
    return QuizBatch(
        tokens.cpu().numpy().astype(np.uint8),
        np.full(count, structure, dtype=np.uint8),
        np.full(count, UNKNOWN_TASK, dtype=np.int16),
    )


def _first_part(world: World) -> NDArray[np.bool_]:
    """bool [T]: the tokens of the part that is written first."""
    names = [axis.name for axis in world.axes]
    if "part" not in names:
        raise ValueError(f"world {world.name!r} has no axis named 'part' to propose by")
    slot = world.coordinates[:, names.index("part")]
    return np.asarray(slot == slot[0])
