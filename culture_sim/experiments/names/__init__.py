"""Of two names, one: which parts of GPT-2's circuit emerge in small agents, and what do they do?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from agents.config import ModelConfig
from culture_sim.experiments import experiments
from culture_sim.experiments.base import Experiment
from culture_sim.experiments.findings import Findings
from culture_sim.experiments.names.ladder import RUNGS, world_of
from world.core.errors import COUNT, SHARE, UserError, require

if TYPE_CHECKING:
    from culture_sim.experiments.names.agent import Agent
    from culture_sim.experiments.names.dissected import Dissected
    from culture_sim.experiments.units import Place, Unit

HEAD = 16
"""Width of an attention head."""
BATCH = 64
"""Quizzes in a step of training."""
LEAST = 12
"""Fewer sentences give no p below a thousandth, and hardly an interval."""


@experiments.register("names")
@dataclass(frozen=True, kw_only=True)
class Names(Experiment):
    """Agents of every rung of the ladder and every depth, taken apart; six claims of each."""

    title: ClassVar[str] = "Names: which circuit finds the indirect object?"
    question: ClassVar[str] = (
        "Of two names one is said again, and the other is right. Which parts of the circuit that "
        "GPT-2 has for this emerge on which rung of a ladder of worlds, at which depth, and is "
        "what is claimed of these parts true of them?"
    )

    rungs: tuple[int, ...] = tuple(range(len(RUNGS)))
    """Of the ladder of worlds, 0 to 4, each a setting; each world has one thing more."""
    layers: tuple[int, ...] = (1, 2, 3, 4)
    """Blocks of a network, each a setting."""
    seeds: int = 3
    """Agents of each setting."""
    width: int = 64
    """Of every network."""
    target: float = 0.97
    """Accuracy on held-out quizzes that ends an agent's training, 0 to 1."""
    epoch_quizzes: int = 4096
    """Quizzes between two examinations of an agent."""
    max_quizzes: int = 98_304
    """Quizzes after which an agent below the target is given up, and says so."""
    exam: int = 500
    """Held-out quizzes of every exam."""
    learned: float = 0.9
    """Accuracy, on fresh sentences in which one of two gives, of agents that are taken apart, 0 to
    1; with little of it effects are shares of next to nothing."""
    sentences: int = 200
    """Held-out sentences that every effect is a mean over."""
    through_mlps: bool = True
    """Whether MLPs between the ends of a path compute again, as in the paper on GPT-2; else they
    are held, too."""

    def __post_init__(self) -> None:
        counts = ("seeds", "width", "epoch_quizzes", "max_quizzes", "exam", "sentences")
        require(self, "names", COUNT, *counts)
        require(self, "names", SHARE, "target", "learned")
        for option in ("rungs", "layers"):
            values = getattr(self, option)
            if not values or list(values) != sorted(set(values)):
                raise UserError(f"--{option} must be one or more, rising")
        if not 0 <= self.rungs[0] <= self.rungs[-1] < len(RUNGS):
            raise UserError(f"--rungs must be 0 to {len(RUNGS) - 1} each")
        if self.layers[0] < 1:
            raise UserError(f"--layers must be at least 1 each, got {self.layers[0]}")
        if self.width % HEAD:
            raise UserError(f"--width must be a multiple of {HEAD}, got {self.width}")
        if self.epoch_quizzes % BATCH or self.max_quizzes % self.epoch_quizzes:
            raise UserError(
                f"--epoch-quizzes must be a multiple of {BATCH}, and --max-quizzes one of "
                f"--epoch-quizzes ({self.epoch_quizzes})"
            )
        if self.sentences < LEAST:
            raise UserError(f"--sentences must be at least {LEAST}, got {self.sentences}")

    @classmethod
    def quick(cls) -> Names:
        return cls(
            rungs=(0,), layers=(1, 2), seeds=1, epoch_quizzes=2048, max_quizzes=16_384, exam=60,
            sentences=24,
        )  # fmt: skip

    # ---- what is made

    def agent(self, rung: int, layers: int, seed: int) -> Agent:
        """Of a setting."""
        from culture_sim.experiments.names.agent import Agent
        from culture_sim.presets import presets

        train = replace(
            presets["names"]().train,
            batch_size=BATCH,
            target=self.target,
            epoch_quizzes=self.epoch_quizzes,
            max_quizzes=self.max_quizzes,
            writing_share=0.0,
        )
        model = ModelConfig(
            d_model=self.width,
            n_layers=layers,
            n_heads=self.width // HEAD,
            d_mlp=4 * self.width,
        )
        world = world_of(rung)
        return Agent(rung=rung, world=world, model=model, train=train, seed=seed, exam=self.exam)

    def agents(self) -> list[Agent]:
        """Of all settings, long work first."""
        return [
            self.agent(rung, layers, seed)
            for layers in reversed(self.layers)
            for rung in reversed(self.rungs)
            for seed in range(self.seeds)
        ]

    def dissected(self, place: Place) -> list[Dissected]:
        """A look inside every agent that learned the task, once all are made."""
        from culture_sim.experiments.names.agent import read_agent
        from culture_sim.experiments.names.dissected import Dissected

        return [
            Dissected(agent=agent, sentences=self.sentences, through_mlps=self.through_mlps)
            for agent in self.agents()
            if read_agent(place, agent).accuracy >= self.learned
        ]

    def batches(self, place: Place) -> Iterator[Sequence[Unit]]:
        """Agents; then those that learned, taken apart."""
        yield self.agents()
        yield self.dissected(place)

    def findings(self, place: Place) -> Findings:
        """Tables, figures and verdicts."""
        from culture_sim.experiments.names.results import find

        return find(self, place)
