"""Agents that never learned, with SAEs of their own: what the network and the quizzes share alone.

Random networks carry much of their input (Heap et al. 2025 find that SAEs of random and of
trained transformers score alike in automatic interpretation), so this is no empty control.
"""

from __future__ import annotations

from agents.model import AgentModel, build_model
from sae.dictionaries.baselines import TrainedBaseline, baselines
from world import World


class Untrained(TrainedBaseline):
    """The same architecture with initial weights from another seed for every agent."""

    def source_model(self, agent: AgentModel, world: World, seed: int) -> AgentModel:
        """An agent of the same options as it starts, on the same device."""
        fresh = build_model(agent.config, world, seed).to(next(agent.parameters()).device)
        return fresh.eval().requires_grad_(False)


baselines.register("untrained")(Untrained())
