"""Agents that learned nothing, with the curves that a test gives them."""

from __future__ import annotations

import numpy as np

from culture_sim.experiments.aliases import Aliases
from culture_sim.experiments.aliases.agent import CURVE, PICTURE, Agent
from culture_sim.experiments.aliases.exam import NEITHER, OTHER
from culture_sim.experiments.units import Place
from sae.files import write_arrays
from world.core.files import write_json

OPTIONS = Aliases(modulus=13, shares=(0.4, 0.6, 0.8), compared=2, steps=300, look=100)


def point(step, hits, linked=0.0):
    """Of 100 cells with either evidence, so many hits; linked: how alike linked letters are."""
    held_out = {OTHER: [hits, 100], NEITHER: [hits, 100]}
    return {
        "steps": step,
        "trained": 1.0,
        "held out": {"numbers": held_out},
        "alignment": {"own": linked, "any": 0.0, "linked": linked},
    }


def write(place: Place, agent: Agent, hits, linked=()):
    """A curve with so many hits a look."""
    alike = linked or [0.0] * len(hits)
    points = [point(100 * (k + 1), h, a) for k, (h, a) in enumerate(zip(hits, alike, strict=True))]
    folder = place.of(agent)
    folder.mkdir(parents=True)
    write_json(folder / CURVE, {"curve": points})
    write_arrays(folder / PICTURE, picture=np.zeros((13, 13), dtype=np.int8))


def write_all(place: Place, by_arm, options=OPTIONS, linked=()):
    """Curves of all agents: by arm, hits a look at the shares compared; one table alone is learned
    at the first share only."""
    for agent in options.alone():
        learned = agent.world.held_out[0] == options.shares[0]
        write(place, agent, (50, 96) if learned else (0, 10))
    for arm, hits in by_arm.items():
        for share in options.shares[1:]:
            for agent in options.of_seeds(arm, share):
                curve = [h + agent.seed for h in hits]
                write(place, agent, curve, linked if arm == "linked" else ())
