"""A plugin as a user would write it: one of every kind, and a preset that uses them all."""

from dataclasses import dataclass, replace

import numpy as np
from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig

from agents.architectures.gpt import GPT
from agents.config import Architecture as AgentArchitecture
from agents.config import architectures
from culture_sim.culture.proposers import Proposals, Proposer, proposers
from culture_sim.culture.proposers.writing import answered
from culture_sim.culture.rules import Rule, rules
from culture_sim.culture.votes import Decision
from culture_sim.presets import presets
from sae.comparison.nulls import PermutingNull, nulls
from sae.comparison.nulls.within_cell import WithinCell
from sae.dictionaries.architectures import NORMALISED, Architecture
from sae.dictionaries.architectures import architectures as sae_architectures
from world.grids.painting.task import Task, tasks
from world.grids.world import GridsWorld


@tasks.register("ring")
class Ring(Task):
    """Every rectangle loses its inside."""

    def colours(self, rectangles):
        return rectangles

    def paint(self, pair, scene):
        for k in range(scene.rects.shape[1]):
            full = scene.plane.full(scene.rects[:, k])
            inner = scene.plane.full(scene.rects[:, k] + np.array([1, 1, -1, -1], np.int16))
            pair.x.paint(full, scene.colours[:, k], k)
            pair.fx.paint(full & ~inner, scene.colours[:, k], k)

    def verify(self, a, fa, b, fb):
        return bool(((fb == b) | (fb == 0)).all())


@rules.register("first_few")
@dataclass(frozen=True)
class FirstFew(Rule):
    """Keep the first quizzes of a table, whatever is voted."""

    count: int = 3
    """How many."""

    def __call__(self, votes):
        keep = np.arange(len(votes)) < self.count
        reasons = ["kept" if kept else "too late" for kept in keep]
        return Decision(keep, np.full(len(votes), -1, dtype=np.int16), reasons)

    def describe(self, n_agents):
        return f"it is among the first {self.count} that {n_agents} agents vote on"


@proposers.register("copies")
@dataclass(frozen=True)
class Copies(Proposer):
    """Known quizzes with their answers made anew."""

    def __call__(self, model, world, request):
        rng = np.random.default_rng(request.seed)
        parents = request.parents.kept[rng.integers(len(request.parents.kept), size=request.count)]
        hashes = world.canonical_hash(parents)[:, None]
        return Proposals.of(answered(model, world, parents), parents=hashes)


@nulls.register("shifted_rows")
@dataclass(frozen=True)
class ShiftedRows(PermutingNull):
    """Every row in the place of one some rows before it, which draws nothing."""

    by: int = 1
    """How many rows before."""

    def order(self, rows, rng):
        return np.roll(np.arange(len(rows.position)), self.by)


@architectures.register("outside_gpt")
@dataclass(frozen=True)
class OutsideGPT(AgentArchitecture):
    """The default network with its token embeddings scaled."""

    scale: float = 1.0
    """What they are multiplied by."""

    def __call__(self, config, world):
        model = GPT(config, world)
        model.embed.weight.data.mul_(self.scale)
        return model


@sae_architectures.register("outside_topk")
@dataclass(frozen=True)
class OutsideTopK(Architecture):
    """TopK that leaves dead features alone, or not."""

    revive: float = 0.0
    """Weight of the auxiliary loss."""

    def __call__(self, d_in, dictionary, metadata):
        return TopKTrainingSAE(
            TopKTrainingSAEConfig(
                d_in=d_in,
                d_sae=dictionary.d_sae,
                k=round(dictionary.k),
                aux_loss_coefficient=self.revive,
                normalize_activations=NORMALISED,
                metadata=metadata,
            )
        )


@presets.register("outside")
def outside():
    """All of the above, smaller than `smoke`."""
    smoke = presets["smoke"]()
    return replace(
        smoke,
        agents=2,
        world=GridsWorld(7, 7, tasks=("ring",), held_out_tasks=("frame",)),
        model=replace(smoke.model, d_model=16, d_mlp=32, architecture=OutsideGPT(scale=0.5)),
        train=replace(
            smoke.train,
            test_quizzes=10,
            validation_quizzes=8,
            recombined_quizzes=4,
            epoch_quizzes=64,
            max_quizzes=64,
            precision="fp32",
        ),
        culture=replace(
            smoke.culture,
            rule=FirstFew(4),
            proposers=(Copies(),),
            batch_size=16,
            max_proposals=32,
            transfer_quizzes=8,
        ),
        sae=replace(
            smoke.sae,
            nulls=(WithinCell(), ShiftedRows(), ShiftedRows(by=50)),
            architectures=(OutsideTopK(), OutsideTopK(revive=0.5)),
            baselines=(),
            min_firings=5,
            training_tokens=2_048,
            comparison_quizzes=24,
            buffer_quizzes=24,
            concept_quizzes=10,
            resamples=5,
        ),
    )
