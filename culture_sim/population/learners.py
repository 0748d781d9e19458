"""The agents that a process holds in memory, each as its checkpoint left it."""

from __future__ import annotations

from accelerate import Accelerator

from agents.replicas import ReplicaGroup
from agents.training import Learner
from culture_sim.run.run import Run
from culture_sim.run.state import AgentState
from world import Stream
from world.core.errors import UserError

MOST_LEARNERS = 5
"""Agents that a process holds in memory, as many as the experiment has. It comes to train any, and
each takes 16 bytes a parameter and more: of more agents, those used longest ago are read from their
checkpoints again, bit for bit the same."""


class Learners:
    """Agents by number, read from their checkpoints unless they are in memory still."""

    def __init__(self, run: Run, accelerator: Accelerator, replicas: ReplicaGroup) -> None:
        self.run, self.accelerator, self.replicas = run, accelerator, replicas
        self._in_memory: dict[int, Learner] = {}  # the one used last is the last

    def __len__(self) -> int:
        return len(self._in_memory)

    @property
    def in_memory(self) -> list[int]:
        """The agents held, the one used last at the end."""
        return list(self._in_memory)

    def open(self, agent: int, round_: int) -> tuple[Learner, AgentState]:
        """An agent, and its state; one without a checkpoint begins with ``round_``.

        Raises UserError where processes that share it read different checkpoints.
        """
        state = self.run.agent_state(agent)
        self._check_agreement(agent, state)
        learner = self._remembered(agent, state)
        if learner is None:
            learner = self._made(state or AgentState(agent))
            loaded = learner.load(self.run.agent_path(agent))
            state = AgentState.from_json(loaded) if loaded else None
        self._in_memory[agent] = learner
        return learner, state or AgentState(agent, round=round_)

    def anew(self, state: AgentState) -> Learner:
        """The agent with new weights; since it last began anew it has other random numbers."""
        learner = self._in_memory[state.agent] = self._made(state)
        return learner

    def _made(self, state: AgentState) -> Learner:
        config = self.run.config
        stream = Stream(config.seed, "", agent=state.agent, round=state.generation)
        return Learner(
            config.model,
            config.train,
            config.world,
            stream,
            self.accelerator,
            self.replicas,
            self.run.formats,
        )

    def _remembered(self, agent: int, state: AgentState | None) -> Learner | None:
        """The agent if it is in memory as it was saved; else None, and there is room for it."""
        learner = self._in_memory.pop(agent, None)
        if learner is not None and state is not None:
            now = (learner.steps, learner.stream.round)
            if now == (state.steps, state.generation):
                return learner
        while len(self._in_memory) >= MOST_LEARNERS:
            del self._in_memory[next(iter(self._in_memory))]
        return None

    def _check_agreement(self, agent: int, state: AgentState | None) -> None:
        """Members of a group that start from different weights would train nonsense."""
        if len(set(self.replicas.gather(state and state.sha256))) > 1:
            raise UserError(
                f"processes that share agent {agent} read different checkpoints of it from "
                f"{self.run.path}; the folder's file system must show a file to all machines as "
                f"soon as it is written; run the command again to go on"
            )
