"""SAEs in their places on disk: what each is made from, whether it is there, and training it."""

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
from sae.config import SAEConfig
from sae.dictionaries.baselines import TrainedBaseline, baselines
from sae.dictionaries.quality import measure_quality
from sae.dictionaries.training import Progress, read_record, save_sae, train_sae
from world import QuizBatch, World
from world.core.errors import UserError

TRAINING_FIELDS = (
    "site",
    "architecture",
    "d_sae",
    "k",
    "sparsity",
    "training_tokens",
    "epochs_per_buffer",
    "buffer_quizzes",
    "batch_size",
    "learning_rate",
    "warmup_steps",
    "dead_after",
    "aux_coefficient",
)
"""Options that an SAE's weights depend on; a change of any of them makes it out of date."""
GRADED_QUIZZES = 400
"""Held-out quizzes on which a fresh SAE, or crosscoder, is graded."""


def fingerprint(model: AgentModel) -> str:
    """A hash of an agent's weights, hexadecimal: SAEs of other weights are out of date."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Place:
    """One SAE to train. Sites, architectures and widths have places of their own.

    agent: number of the agent. role: "0" for the SAE that is compared, "1" and so on for others
    of the same agent, or the name of a trained baseline. seed: of its initial weights and the
    order of its data, different for every SAE. path: its folder.
    """

    agent: int
    role: str
    seed: int
    path: Path


def roles(config: SAEConfig) -> list[str]:
    """The roles of the SAEs of every agent."""
    trained = [n for n in config.baselines if isinstance(baselines[n], TrainedBaseline)]
    return [*(str(seed) for seed in range(config.seeds)), *trained]


def sae_done(model: AgentModel, config: SAEConfig, place: Place) -> bool:
    """True when the SAE of a place is complete and of these weights, options and seed."""
    record = read_record(place.path)
    return record is not None and record["made_from"] == _made_from(model, config, place)


def _made_from(model: AgentModel, config: SAEConfig, place: Place) -> dict[str, Any]:
    options = {name: getattr(config, name) for name in TRAINING_FIELDS}
    baseline = None if place.role.isdigit() else place.role
    return {"agent": fingerprint(model), "seed": place.seed, "baseline": baseline, **options}


def train_one(
    model: AgentModel,
    world: World,
    source: QuizSource,
    held_out: QuizBatch,
    config: SAEConfig,
    place: Place,
    name: str,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train, grade and save one SAE of one agent, unless it is there; returns its record.

    source: training quizzes in answer layouts. held_out: other quizzes, to grade it on.
    name: the agent's, for the metadata. Raises UserError on an unknown site.
    """
    check_site(model, config.site)
    if sae_done(model, config, place):
        return read_record(place.path) or {}
    began = time.time()
    baseline = trained_baseline(place.role)
    subject = baseline.subject(model, world, place.seed)
    stream = ActivationStream(
        subject,
        world,
        source,
        config.site,
        config.buffer_quizzes,
        config.epochs_per_buffer,
        config.batch_size,
    )
    batches = stream.batches(place.seed)
    sae = train_sae(batches, config, place.seed, name, progress, baseline.prepare)
    spent = round(time.time() - began, 1)

    def record(saved: SAE[Any]) -> dict[str, Any]:
        graded = held_out[:GRADED_QUIZZES]
        quality = measure_quality(subject, world, graded, config.site, saved)
        made_from = _made_from(model, config, place)
        return {"made_from": made_from, "seconds": spent, "quality": quality.as_dict()}

    return save_sae(sae, place.path, record)


def trained_baseline(role: str) -> TrainedBaseline:
    """What a role does to an SAE: nothing for those that are compared."""
    found = TrainedBaseline() if role.isdigit() else baselines[role]
    if not isinstance(found, TrainedBaseline):
        raise ValueError(f"baseline {role!r} has no SAE to train")
    return found


def record_of(place: Place) -> dict[str, Any]:
    """What is known of a trained SAE; raises UserError when there is none."""
    record = read_record(place.path)
    if record is None:
        raise UserError(f"there is no SAE at {place.path}; train it first")
    return record
