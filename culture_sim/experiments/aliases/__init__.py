"""Do links between two alphabets help to fill in tables that are written in one each?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from agents.config import ModelConfig, TrainConfig
from culture_sim.experiments import experiments
from culture_sim.experiments.aliases.arms import ALONE, ARMS, FEATURED, weighted
from culture_sim.experiments.base import Experiment
from culture_sim.experiments.findings import Findings
from world.aliases import AliasesWorld
from world.aliases.options import TASKS, OperationName
from world.core.errors import AMOUNT, COUNT, SHARE, UserError, require

if TYPE_CHECKING:
    from culture_sim.experiments.aliases.agent import Agent
    from culture_sim.experiments.aliases.apart import Allotment
    from culture_sim.experiments.aliases.features import Features
    from culture_sim.experiments.aliases.member import Member
    from culture_sim.experiments.aliases.rounds import Rounds
    from culture_sim.experiments.units import Place, Unit

HEAD = 32
"""Width of an attention head."""
LEAST_TOKENS = 512
"""A step of an autoencoder's training."""
LEARNED = 0.95
"""Of held-out numbers, from which on a table counts as learned."""


@experiments.register("aliases")
@dataclass(frozen=True, kw_only=True)
class Aliases(Experiment):
    """One table alone at many shares held out; two, with links and without, where it fails."""

    title: ClassVar[str] = "Aliases: does a link help elsewhere?"
    question: ClassVar[str] = (
        "Two tables of arithmetic are written in an alphabet each, and links say which letters are "
        "the same. Are cells held out of one table filled in better for what the other shows, "
        "though no row shows a table and a link?"
    )

    modulus: int = 97
    """Of both tables; a prime."""
    operation: OperationName = "squares"
    """What the tables hold."""
    shares: tuple[float, ...] = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    """Of the cells of either table that are held out; each is a setting of one table alone."""
    compared: int = 1
    """Shares at which all arms are compared: the smallest ones at which one table alone is learned
    by no seed. 0 looks at one table alone."""
    link_weights: tuple[float, ...] = (0.1, 3.0)
    """How much links count in the loss of further linked agents, where a table's row counts 1."""
    seeds: int = 3
    """Agents of each setting; each has its own weights and its own cells held out."""
    rows: int = 96
    """Of each kind in a step: a table's, and links."""
    steps: int = 2000
    """Steps after which an agent is given up that has not learned the table of numbers."""
    look: int = 100
    """Steps between two examinations."""
    enough: float = 0.99
    """Share of held-out numbers that ends an agent's training before that, 0 to 1."""
    cells: int = 1000
    """Most held-out cells of each kind that an agent is asked at a time."""
    width: int = 128
    """Of every network."""
    layers: int = 1
    """Blocks of every network."""
    weight_decay: float = 3.0
    """Of every agent; with little, agents know the cells that they train on, and no others."""
    culture_seeds: int = 3
    """Populations whose agents train on different cells, and hold rounds of culture; 0 for none."""
    missing: float = 0.6
    """Share of the cells of one table that each agent of a population does without."""
    owners: int = 4
    """Agents of a population that train on each cell that any of them trains on, 1 to 4."""
    member_steps: int = 800
    """Steps of an agent of a population before any culture."""
    rounds: int = 2
    """Rounds of culture."""
    proposals: int = 2560
    """In a round."""
    lesson: int = 100
    """Steps that every agent of a population takes in a round."""
    culture_share: float = 0.3
    """Of a lesson's rows, how many are culture where there is some."""
    sae_tokens: int = 400_000
    """That the autoencoder of an agent of two tables is trained on; 0 leaves features out."""

    def __post_init__(self) -> None:
        counts = ("seeds", "rows", "steps", "look", "cells", "width", "layers")
        of_culture = ("owners", "member_steps", "rounds", "proposals", "lesson")
        require(self, "aliases", COUNT, *counts, *of_culture)
        require(self, "aliases", SHARE, "enough", "missing", "culture_share")
        require(self, "aliases", AMOUNT, "culture_seeds", "sae_tokens")
        if self.compared < 0:
            raise UserError(f"--compared must be 0 or more, got {self.compared}")
        if 0 < self.sae_tokens < LEAST_TOKENS:
            raise UserError(f"--sae-tokens must be 0, or at least {LEAST_TOKENS}")
        for name in ("steps", "member_steps"):
            if (steps := getattr(self, name)) % self.look:
                flag = name.replace("_", "-")
                raise UserError(f"--{flag} ({steps}) must be a multiple of --look ({self.look})")
        if self.width % HEAD:
            raise UserError(f"--width must be a multiple of {HEAD}, got {self.width}")
        self._check_settings()

    def _check_settings(self) -> None:
        if not all(AMOUNT.holds(weight) for weight in self.link_weights):
            raise UserError("--link-weights must be amounts, 0 or more")
        if len(set(self.link_weights)) < len(self.link_weights):
            raise UserError("--link-weights names a weight twice")
        if not self.shares or list(self.shares) != sorted(set(self.shares)):
            raise UserError("--shares must be one or more, rising")
        # What no world can be is refused.
        for share in self.shares:
            self.world(ALONE, share, 0).units()
        if self.culture_seeds:
            self.allotment(0).refuse_impossible()

    @classmethod
    def quick(cls) -> Aliases:
        return cls(
            modulus=13, shares=(0.4, 0.8), link_weights=(3.0,), seeds=1, rows=16, steps=20,
            look=10, cells=40, width=32, culture_seeds=1, member_steps=10, rounds=1, proposals=640,
            lesson=10, sae_tokens=2048,
        )  # fmt: skip

    @property
    def arms(self) -> dict[str, Mapping[str, Any]]:
        """Options of the world by arm, those of other weights last."""
        return {**ARMS, **dict(weighted(weight) for weight in self.link_weights)}

    def world(self, arm: str, share: float, seed: int) -> AliasesWorld:
        """What agents of a setting learn."""
        return AliasesWorld(
            modulus=self.modulus,
            operation=self.operation,
            held_out=(share, share),
            drawing=seed,
            **self.arms[arm],
        )

    # ---- what is made

    def agent(self, arm: str, share: float, seed: int) -> Agent:
        """Of a setting. All arms take as many steps, with as many rows of each kind in each."""
        from culture_sim.experiments.aliases.agent import Agent

        world = self.world(arm, share, seed)
        train = replace(self._train(len(world.tasks), self.steps), writing_share=0.0)
        return Agent(
            arm=arm,
            world=world,
            model=self._model,
            train=train,
            seed=seed,
            enough=self.enough,
            cells=self.cells,
        )

    def _train(self, kinds: int, steps: int) -> TrainConfig:
        """How agents learn so many kinds of rows in so many steps."""
        from culture_sim.presets import presets

        size = self.rows * kinds
        return replace(
            presets["aliases"]().train,
            batch_size=size,
            epoch_quizzes=size * self.look,
            max_quizzes=size * steps,
            weight_decay=self.weight_decay,
        )

    @property
    def _model(self) -> ModelConfig:
        return ModelConfig(
            d_model=self.width,
            n_layers=self.layers,
            n_heads=self.width // HEAD,
            d_mlp=4 * self.width,
        )

    def of_seeds(self, arm: str, share: float) -> list[Agent]:
        """The agents of an arm at a share."""
        return [self.agent(arm, share, seed) for seed in range(self.seeds)]

    def alone(self) -> list[Agent]:
        """Of one table alone, at all shares."""
        return [agent for share in self.shares for agent in self.of_seeds(ALONE, share)]

    def looked_at(self, place: Place) -> tuple[float, ...]:
        """The shares at which all arms are compared, once one table alone has been learned or not;
        where it is always learned, the largest."""
        from culture_sim.experiments.aliases.agent import accuracy, read_curve

        def best(share: float) -> float:
            found = self.of_seeds(ALONE, share)
            return max(accuracy(point) for one in found for point in read_curve(place, one))

        failed = [share for share in self.shares if best(share) < LEARNED]
        return tuple((failed or self.shares[-1:])[: self.compared])

    def features(self, shares: Sequence[float]) -> list[Features]:
        """Autoencoders of agents of two tables, at some shares."""
        from culture_sim.experiments.aliases.features import Features

        agents = [one for arm in FEATURED for share in shares for one in self.of_seeds(arm, share)]
        if not self.sae_tokens:
            return []
        return [
            Features(agent=agent, tokens=self.sae_tokens, width=2 * self.width) for agent in agents
        ]

    def allotment(self, seed: int) -> Allotment:
        """Which agent of a population trains on which cells of the table of numbers."""
        from culture_sim.experiments.aliases.apart import EXAM_SHARE, Allotment

        world = AliasesWorld(
            modulus=self.modulus,
            operation=self.operation,
            held_out=(EXAM_SHARE, EXAM_SHARE),
            drawing=seed,
            tasks=TASKS[:1],
        )
        return Allotment(world, self.missing, self.owners)

    def members(self, seed: int) -> tuple[Member, ...]:
        """A population, and an agent that trains on all that any of them does."""
        from culture_sim.experiments.aliases.apart import AGENTS
        from culture_sim.experiments.aliases.member import Member

        return tuple(
            Member(
                allotment=self.allotment(seed),
                model=self._model,
                train=self._train(1, self.member_steps),
                seed=seed,
                number=number,
                cells=self.cells,
            )
            for number in range(AGENTS + 1)
        )

    def rounds_of(self, seed: int) -> list[Rounds]:
        """A population in every arm."""
        from culture_sim.experiments.aliases.rounds import ARMS as OF_CULTURE
        from culture_sim.experiments.aliases.rounds import Rounds
        from culture_sim.experiments.runs import Treatment

        *members, _ = self.members(seed)
        treatment = Treatment(
            self.rounds, self.proposals, self.rows * self.lesson, self.culture_share
        )
        return [
            Rounds(
                members=tuple(members), arm=arm, seed=seed, treatment=treatment, cells=self.cells
            )
            for arm in OF_CULTURE
        ]

    def batches(self, place: Place) -> Iterator[Sequence[Unit]]:
        """One table alone, and populations; then every other arm, long work first, and rounds of
        culture; then what looks at those."""
        seeds = range(self.culture_seeds)
        yield [*self.alone(), *(member for seed in seeds for member in self.members(seed))]
        kinds = sorted(set(self.arms) - {ALONE}, key=lambda arm: -len(self.arms[arm]["tasks"]))
        shares = self.looked_at(place)
        yield [
            *(one for arm in kinds for share in shares for one in self.of_seeds(arm, share)),
            *(one for seed in seeds for one in self.rounds_of(seed)),
        ]
        yield self.features(shares)

    def findings(self, place: Place) -> Findings:
        """Tables, figures and verdicts."""
        from culture_sim.experiments.aliases.results import find

        return find(self, place)
