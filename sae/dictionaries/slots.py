"""SAEs in their folders: what each is made from, whether it is there, and training it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sae_lens import SAE

from agents.model import AgentModel
from sae.activations.harvest import ActivationStream, check_site
from sae.activations.quizzes import QuizSource
from sae.artifacts import current_record, kept, read_record
from sae.config import DictionaryConfig, SAEConfig
from sae.dictionaries.baselines import TrainedBaseline, baselines
from sae.dictionaries.quality import measure_quality
from sae.dictionaries.training import RECORD, Progress, save_sae, train_sae
from world import QuizBatch, World
from world.core.errors import UserError
from world.core.options import to_tree

GRADED_QUIZZES = 400
"""Held-out quizzes on which a fresh SAE, or crosscoder, is graded."""


def fingerprint(model: AgentModel) -> str:
    """A hash of an agent's weights, hexadecimal: SAEs of other weights are out of date."""
    hashed = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        hashed.update(name.encode())
        hashed.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return hashed.hexdigest()


@dataclass(frozen=True)
class SAESlot:
    """One SAE to train. Sites, architectures and widths have slots of their own.

    agent: number of the agent. role: "0" for the SAE that is compared, "1" and so on for others
    of the same agent, or the name of a trained baseline. seed: of its initial weights and the
    order of its data, different for every SAE. path: its folder.
    """

    agent: int
    role: str
    seed: int
    path: Path

    @property
    def baseline(self) -> TrainedBaseline:
        """What the role does to the SAE: nothing for those that are compared."""
        baseline = TrainedBaseline() if self.role.isdigit() else baselines[self.role]
        if not isinstance(baseline, TrainedBaseline):
            raise ValueError(f"baseline {self.role!r} has no SAE to train")
        return baseline

    def record(self) -> dict[str, Any]:
        """What is known of the trained SAE; raises UserError when there is none."""
        record = read_record(self.path / RECORD)
        if record is None:
            raise UserError(f"there is no SAE at {self.path}; train it first")
        return record


def sae_roles(config: SAEConfig) -> list[str]:
    """The roles of the SAEs of every agent."""
    trained = [n for n in config.baselines if isinstance(baselines[n], TrainedBaseline)]
    return [*(str(seed) for seed in range(config.seeds)), *trained]


def sae_done(model: AgentModel, dictionary: DictionaryConfig, slot: SAESlot) -> bool:
    """True when the SAE of a slot is complete and of these weights, options and seed."""
    identity = _identity(model, dictionary, slot)
    return current_record(slot.path / RECORD, identity) is not None


def _identity(model: AgentModel, dictionary: DictionaryConfig, slot: SAESlot) -> dict[str, Any]:
    baseline = None if slot.role.isdigit() else slot.role
    made_from = {"agent": fingerprint(model), "seed": slot.seed, "baseline": baseline}
    return {"made_from": {**made_from, **to_tree(dictionary)}}


def train_one(
    model: AgentModel,
    world: World,
    source: QuizSource,
    held_out: QuizBatch,
    dictionary: DictionaryConfig,
    slot: SAESlot,
    name: str,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train, grade and save one SAE of one agent, unless it is there; returns its record.

    source: training quizzes in answer layouts. held_out: other quizzes, to grade it on.
    name: the agent's, for the metadata. Raises UserError on an unknown site.
    """
    check_site(model, dictionary.site)
    identity = _identity(model, dictionary, slot)

    def make() -> None:
        began = time.time()
        source_model = slot.baseline.source_model(model, world, slot.seed)
        stream = ActivationStream(
            source_model,
            world,
            source,
            dictionary.site,
            dictionary.buffer_quizzes,
            dictionary.epochs_per_buffer,
            dictionary.batch_size,
        )
        batches = stream.batches(slot.seed)
        prepare = slot.baseline.prepare
        sae = train_sae(batches, dictionary, slot.seed, name, progress, prepare)
        seconds = round(time.time() - began, 1)

        def record(saved: SAE[Any]) -> dict[str, Any]:
            graded = held_out[:GRADED_QUIZZES]
            quality = measure_quality(source_model, world, graded, dictionary.site, saved)
            return {**identity, "seconds": seconds, "quality": quality.as_dict()}

        save_sae(sae, slot.path, record)

    return kept(slot.path / RECORD, identity, make)
