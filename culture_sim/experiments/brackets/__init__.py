"""Do agents that tell balanced strings nest, or count? And what does their culture make of it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from agents.config import ModelConfig, TrainConfig
from culture_sim.experiments import experiments
from culture_sim.experiments.base import Experiment
from culture_sim.experiments.findings import Findings
from world.brackets import BracketsWorld
from world.brackets.scratch import Scratch
from world.core.errors import AMOUNT, COUNT, SHARE, UserError, require

if TYPE_CHECKING:
    from culture_sim.experiments.brackets.agent import Agent
    from culture_sim.experiments.units import Place, Unit

SCRATCHPADS: tuple[Scratch, ...] = ("none", "count", "cancel")
EPOCHS = 8
"""Examinations of an agent as it learns, at equal distances."""


@experiments.register("brackets")
@dataclass(frozen=True, kw_only=True)
class Brackets(Experiment):
    """Agents of many settings on the same strings, looked at from outside and inside; culture."""

    title: ClassVar[str] = "Brackets: a stack, or a count?"
    question: ClassVar[str] = (
        "Agents that tell balanced strings alike: which rule has each learned, does its "
        "inside tell, and does culture repair a wrong rule or lock it in?"
    )

    seeds: int = 10
    """Agents of each setting, which differ in their initial weights."""
    shares: tuple[float, ...] = (0.0, 0.01, 0.03, 0.1)
    """Shares of unbalanced strings that have equal counts, each a setting."""
    layers: tuple[int, ...] = (1, 2)
    """Blocks of a network, each a setting."""
    weight_decays: tuple[float, ...] = (0.0, 0.01)
    """Each a setting."""
    deeper: int = 3
    """Blocks of further agents, without strings of equal counts; 0 for none."""
    one_way: bool = True
    """Further agents that are asked from left to right only, as in the published study."""
    length: int = 20
    """Brackets of the longest string. Of 40, as in the published study, one layer needs far more
    strings than there are here."""
    width: int = 64
    """Of every network."""
    strings: int = 25_600
    """That every agent learns from."""
    batch_size: int = 32
    """Strings in a step."""
    exam: int = 1000
    """Strings in each part of the exam."""
    inside: int = 150
    """Strings of each kind that agents are looked inside by; 0 leaves that out."""
    probed: int = 2
    """Agents of each rule that probes are fitted to; 0 for none."""
    scratch_seeds: int = 3
    """Agents of each scratchpad; 0 for none."""
    scratch_length: int = 20
    """Brackets of the longest string that scratchpads are compared on."""
    nesters: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    """Agents that nest in a population of five that holds rounds of culture, each a population."""
    culture_seeds: int = 3
    """Populations of each kind; 0 for none."""
    rounds: int = 2
    """Rounds of culture."""
    proposals: int = 3840
    """In a round."""
    lesson: int = 2432
    """Strings that every agent trains on in a round."""
    culture_share: float = 0.3
    """Of them, how many are culture where there is some."""
    sae_tokens: int = 300_000
    """That each autoencoder is trained on; 0 leaves features out."""

    def __post_init__(self) -> None:
        counts = (
            "seeds",
            "strings",
            "batch_size",
            "exam",
            "width",
            "rounds",
            "proposals",
            "lesson",
        )
        require(self, "brackets", COUNT, *counts)
        amounts = ("deeper", "inside", "probed", "scratch_seeds", "culture_seeds", "sae_tokens")
        require(self, "brackets", AMOUNT, *amounts)
        require(self, "brackets", SHARE, "culture_share")
        for name in ("shares", "layers", "weight_decays"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise UserError(f"--{name.replace('_', '-')} must name values, each once")
        if not all(0 <= number <= 5 for number in self.nesters):
            raise UserError("--nesters must be of a population of 5, 0 to 5 each")
        if self.strings % (EPOCHS * self.batch_size) or self.lesson % self.batch_size:
            raise UserError(
                f"--strings must be a multiple of {EPOCHS} times --batch-size, and --lesson one of "
                f"--batch-size ({self.batch_size})"
            )
        _ = self.agents(), self.scribes()  # refuse what no agent or world can be

    @classmethod
    def quick(cls) -> Brackets:
        return cls(
            seeds=2, shares=(0.0, 0.1), layers=(1,), weight_decays=(0.0,), deeper=0, one_way=False,
            length=16, width=16, strings=1024, exam=40, inside=8, probed=1, scratch_seeds=1,
            scratch_length=10, nesters=(2,), culture_seeds=1, rounds=1, proposals=640, lesson=128,
            sae_tokens=8192,
        )  # fmt: skip

    # ---- what is made

    def agents(self) -> list[Agent]:
        """The agents of all settings, without scratchpads."""
        worlds = [BracketsWorld(length=self.length, equal_count_share=q) for q in self.shares]
        settings = [
            (world, layers, decay)
            for world in worlds
            for layers in self.layers
            for decay in self.weight_decays
        ]
        plain = BracketsWorld(length=self.length)
        if self.deeper and self.deeper not in self.layers:
            settings += [(plain, self.deeper, decay) for decay in self.weight_decays]
        if self.one_way:
            settings.append((replace(plain, backwards=False), max(self.layers), 0.0))
        return [
            self._agent(world, layers, decay, seed)
            for seed in range(self.seeds)
            for world, layers, decay in settings
        ]

    def scribes(self) -> list[Agent]:
        """Agents with every scratchpad, and without, on the same strings."""
        return [
            self._agent(
                BracketsWorld(length=self.scratch_length, scratch=scratch, backwards=False),
                max(self.layers),
                0.0,
                seed,
            )
            for seed in range(self.scratch_seeds)
            for scratch in SCRATCHPADS
        ]

    def _agent(self, world: BracketsWorld, layers: int, decay: float, seed: int) -> Agent:
        from culture_sim.experiments.brackets.agent import Agent
        from culture_sim.experiments.brackets.exam import exam_of

        train = TrainConfig(
            target=1.0,
            test_quizzes=self.exam,
            validation_quizzes=max(1, self.exam // 2),
            recombined_quizzes=0,
            epoch_quizzes=self.strings // EPOCHS,
            max_quizzes=self.strings,
            batch_size=self.batch_size,
            weight_decay=decay,
            ema_decay=0.99,
            writing_share=0.1,
            error_weighting=0.0,
        )
        model = ModelConfig(d_model=self.width, n_layers=layers, n_heads=2, d_mlp=4 * self.width)
        exam = exam_of(world.length, self.exam)
        return Agent(world=world, model=model, train=train, exam=exam, seed=seed)

    def batches(self, place: Place) -> Iterator[Sequence[Unit]]:
        """Agents; then, by what they turn out to follow, what looks inside them and what treats
        them."""
        from culture_sim.experiments.brackets.plan import later_units

        yield [*self.agents(), *self.scribes()]
        yield later_units(self, place)

    def findings(self, place: Place) -> Findings:
        """Tables, figures and verdicts."""
        from culture_sim.experiments.brackets.results import find

        return find(self, place)
