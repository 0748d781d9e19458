"""Do birds' agents raise the number of birds and discover occlusion, and how do they foretell?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from agents.config import ModelConfig
from culture_sim.experiments import experiments
from culture_sim.experiments.base import Experiment
from culture_sim.experiments.findings import Findings
from world.birds import BirdsWorld
from world.core.errors import AMOUNT, COUNT, SHARE, UserError, require

if TYPE_CHECKING:
    from culture_sim.experiments.birds.agent import Agent
    from culture_sim.experiments.birds.exam import Examined
    from culture_sim.experiments.birds.inside import Inside
    from culture_sim.experiments.birds.rounds import Rounds
    from culture_sim.experiments.units import Place, Unit

ARMS = ("none", "random_filter", "full")
"""Of a study; the control first."""
HEAD = 16
"""Width of an attention head."""
BATCH = 32
"""Quizzes in a step of training."""
TESTED = 5
"""Quizzes of the test that ends an agent's training, for each of an exam; a quarter validates."""
LEAST_AGENTS = 3
"""The rule leaves the proposer out, and wants one that solves a quiz and one that fails it."""


@experiments.register("birds")
@dataclass(frozen=True, kw_only=True)
class Birds(Experiment):
    """Populations in the source's first world, what their culture drifts to, what is inside."""

    title: ClassVar[str] = "Birds: what does their culture drift to?"
    question: ClassVar[str] = (
        "Agents that foretell how birds fly: where do they fail, does their culture raise the "
        "number of birds and discover occlusion, and what do they hold of each bird?"
    )

    seeds: int = 3
    """Populations, each from its own seed; intervals are over them."""
    agents: int = 5
    """Agents of a population."""
    birds: int = 3
    """In each quiz that they learn from."""
    speed: int = 2
    """Steps that birds fly in it."""
    width: int = 64
    """Of every network."""
    layers: int = 3
    """Blocks of every network."""
    target: float = 0.975
    """Accuracy on unseen quizzes that ends an agent's training, 0 to 1."""
    epoch_quizzes: int = 8000
    """Quizzes between two examinations of an agent."""
    max_quizzes: int = 160_000
    """Quizzes after which an agent below the target is given up, and says so."""
    rounds: int = 3
    """Rounds of culture in every arm."""
    proposals: int = 5120
    """In a round."""
    lesson: int = 4000
    """Quizzes that every agent trains on in a round, in every arm."""
    culture_share: float = 0.3
    """Of them, how many are culture where there is some."""
    sampled: int = 100
    """Quizzes of each agent looked at unsifted, before the first round and after every one."""
    exam: int = 400
    """Quizzes of every kind that agents are asked."""
    patched: int = 64
    """Quizzes of which one bird's cells are patched; 0 leaves that out."""
    probed: int = 1
    """Agents of each population that probes are fitted to; 0 for none."""
    probe_quizzes: int = 300
    """That they are fitted to."""

    def __post_init__(self) -> None:
        counts = ("seeds", "width", "layers", "rounds", "proposals", "lesson", "sampled", "exam")
        require(self, "birds", COUNT, *counts, "epoch_quizzes", "max_quizzes", "probe_quizzes")
        require(self, "birds", AMOUNT, "patched", "probed")
        require(self, "birds", SHARE, "target", "culture_share")
        if self.agents < LEAST_AGENTS:
            raise UserError(f"--agents must be at least {LEAST_AGENTS}, got {self.agents}")
        if self.probed > self.agents:
            raise UserError(f"--probed must be at most --agents ({self.agents})")
        if self.width % HEAD:
            raise UserError(f"--width must be a multiple of {HEAD}, got {self.width}")
        if self.lesson % BATCH or self.epoch_quizzes % BATCH:
            raise UserError(f"--lesson and --epoch-quizzes must be multiples of {BATCH}")
        # Refuses what no world can be.
        from culture_sim.experiments.birds.accuracy import exams_of

        exams_of(self.world)

    @classmethod
    def quick(cls) -> Birds:
        return cls(
            seeds=1, agents=3, width=16, layers=1, target=0.0, epoch_quizzes=640, max_quizzes=640,
            rounds=1, proposals=96, lesson=64, sampled=8, exam=24, patched=8, probed=1,
            probe_quizzes=24,
        )  # fmt: skip

    @property
    def world(self) -> BirdsWorld:
        """What the agents learn."""
        return BirdsWorld(birds=self.birds, speed=self.speed)

    # ---- what is made

    def population(self, seed: int) -> tuple[Agent, ...]:
        """The agents of one seed."""
        from culture_sim.experiments.birds.agent import Agent
        from culture_sim.presets import presets

        base = presets["birds"]()
        train = replace(
            base.train,
            batch_size=BATCH,
            target=self.target,
            test_quizzes=TESTED * self.exam,
            validation_quizzes=max(1, TESTED * self.exam // 4),
            recombined_quizzes=0,
            epoch_quizzes=self.epoch_quizzes,
            max_quizzes=self.max_quizzes,
        )
        model = ModelConfig(
            d_model=self.width,
            n_layers=self.layers,
            n_heads=self.width // HEAD,
            d_mlp=4 * self.width,
        )
        return tuple(
            Agent(world=self.world, model=model, train=train, seed=seed, number=number)
            for number in range(self.agents)
        )

    def rounds_of(self, seed: int) -> list[Rounds]:
        """The population of one seed in every arm."""
        from culture_sim.experiments.birds.rounds import BirdsTreatment, Rounds

        treatment = BirdsTreatment(
            rounds=self.rounds,
            proposals=self.proposals,
            lesson=self.lesson,
            share=self.culture_share,
            sampled=self.sampled,
        )
        members = self.population(seed)
        return [
            Rounds(agents=members, arm=arm, seed=seed, treatment=treatment, exam=self.exam)
            for arm in ARMS
        ]

    def examined(self, seed: int) -> Examined:
        """The exams of one seed's agents before any culture."""
        from culture_sim.experiments.birds.exam import Examined

        return Examined(agents=self.population(seed), seed=seed, quizzes=self.exam)

    def inside(self, seed: int) -> list[Inside]:
        """A look inside the agents of one seed."""
        from culture_sim.experiments.birds.inside import Inside

        return [
            Inside(
                agent=agent,
                patched=self.patched,
                probed=self.probe_quizzes if agent.number < self.probed else 0,
            )
            for agent in self.population(seed)
            if self.patched or agent.number < self.probed
        ]

    def batches(self, place: Place) -> Iterator[Sequence[Unit]]:
        """Agents; then their rounds, exams and insides, long work first."""
        seeds = range(self.seeds)
        yield [agent for seed in seeds for agent in self.population(seed)]
        yield [
            *(unit for seed in seeds for unit in self.rounds_of(seed)),
            *(unit for seed in seeds for unit in self.inside(seed)),
            *(self.examined(seed) for seed in seeds),
        ]

    def findings(self, place: Place) -> Findings:
        """Tables, figures and verdicts."""
        from culture_sim.experiments.birds.results import find

        return find(self, place)
