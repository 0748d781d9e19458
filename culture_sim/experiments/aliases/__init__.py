"""Do links between two alphabets help to fill in tables that are written in one each?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from agents.config import ModelConfig
from culture_sim.experiments import experiments
from culture_sim.experiments.aliases.arms import ALONE, ARMS, FEATURED, weighted
from culture_sim.experiments.base import Experiment
from culture_sim.experiments.findings import Findings
from world.aliases import AliasesWorld
from world.aliases.options import OperationName
from world.core.errors import AMOUNT, COUNT, SHARE, UserError, require

if TYPE_CHECKING:
    from culture_sim.experiments.aliases.agent import Agent
    from culture_sim.experiments.aliases.features import Features
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
    sae_tokens: int = 400_000
    """That the autoencoder of an agent of two tables is trained on; 0 leaves features out."""

    def __post_init__(self) -> None:
        counts = ("seeds", "rows", "steps", "look", "cells", "width", "layers")
        require(self, "aliases", COUNT, *counts)
        require(self, "aliases", SHARE, "enough")
        if self.compared < 0:
            raise UserError(f"--compared must be 0 or more, got {self.compared}")
        require(self, "aliases", AMOUNT, "sae_tokens")
        if 0 < self.sae_tokens < LEAST_TOKENS:
            raise UserError(f"--sae-tokens must be 0, or at least {LEAST_TOKENS}")
        if self.steps % self.look:
            raise UserError(f"--steps ({self.steps}) must be a multiple of --look ({self.look})")
        if self.width % HEAD:
            raise UserError(f"--width must be a multiple of {HEAD}, got {self.width}")
        if not all(AMOUNT.holds(weight) for weight in self.link_weights):
            raise UserError("--link-weights must be amounts, 0 or more")
        if len(set(self.link_weights)) < len(self.link_weights):
            raise UserError("--link-weights names a weight twice")
        if not self.shares or list(self.shares) != sorted(set(self.shares)):
            raise UserError("--shares must be one or more, rising")
        for share in self.shares:
            # Refuses what no world can be.
            self.world(ALONE, share, 0).units()

    @classmethod
    def quick(cls) -> Aliases:
        return cls(
            modulus=13, shares=(0.4, 0.8), link_weights=(3.0,), seeds=1, rows=16, steps=20,
            look=10, cells=40, width=32, sae_tokens=2048,
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
        from culture_sim.presets import presets

        world = self.world(arm, share, seed)
        size = self.rows * len(world.tasks)
        train = replace(
            presets["aliases"]().train,
            batch_size=size,
            epoch_quizzes=size * self.look,
            max_quizzes=size * self.steps,
            weight_decay=self.weight_decay,
            writing_share=0.0,
        )
        model = ModelConfig(
            d_model=self.width,
            n_layers=self.layers,
            n_heads=self.width // HEAD,
            d_mlp=4 * self.width,
        )
        return Agent(
            arm=arm,
            world=world,
            model=model,
            train=train,
            seed=seed,
            enough=self.enough,
            cells=self.cells,
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

    def batches(self, place: Place) -> Iterator[Sequence[Unit]]:
        """One table alone; then every other arm, long work first; then what looks at those."""
        yield self.alone()
        kinds = sorted(set(self.arms) - {ALONE}, key=lambda arm: -len(self.arms[arm]["tasks"]))
        shares = self.looked_at(place)
        yield [one for arm in kinds for share in shares for one in self.of_seeds(arm, share)]
        yield self.features(shares)

    def findings(self, place: Place) -> Findings:
        """Tables, figures and verdicts."""
        from culture_sim.experiments.aliases.results import find

        return find(self, place)
