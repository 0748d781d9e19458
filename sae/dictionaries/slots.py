"""SAEs in their folders: what each is made from, whether it is there, and training it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sae_lens import SAE

from agents.model import AgentModel
from sae.activations.harvest import ActivationStream, check_site
from sae.activations.quizzes import QuizSource
from sae.artifacts import current_record
from sae.config import DictionaryConfig, SAEConfig
from sae.dictionaries.baselines import TrainedBaseline, baselines
from sae.dictionaries.loop import Progress
from sae.dictionaries.quality import measure_qualities
from sae.dictionaries.training import RECORD, sae_training, save_saes, train_in_turn
from world import QuizBatch, World
from world.core.files import read_json
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
        """What is known of the trained SAE; raises UserError where that is missing or damaged."""
        return read_json(self.path / RECORD, "run sae to train that SAE")


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


def with_one_source(slots: Sequence[SAESlot]) -> list[list[SAESlot]]:
    """SAEs of one dictionary, put together where they read the same activations: an agent's own.

    Those that are the most come first.
    """
    together: dict[tuple[int, str], list[SAESlot]] = {}
    for slot in slots:
        source = "" if slot.baseline.reads_the_agent else slot.role
        together.setdefault((slot.agent, source), []).append(slot)
    return sorted(together.values(), key=len, reverse=True)


def train_slots(
    model: AgentModel,
    world: World,
    source: QuizSource,
    held_out: QuizBatch,
    dictionary: DictionaryConfig,
    slots: Sequence[SAESlot],
    name: str,
    progress: Progress | None = None,
    notes: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Train, grade and save SAEs of one agent, all but those that are there; returns the records.

    Their activations are harvested once; each SAE sees them in an order of its own.

    source: training quizzes in answer layouts. held_out: other quizzes, to grade them on.
    slots: with one source (``with_one_source``). name: the agent's, for the metadata. progress:
    called for each SAE in turn. notes: what else their records are to say. Raises UserError on an
    unknown site.
    """
    check_site(model, dictionary.site)
    missing = [slot for slot in slots if not sae_done(model, dictionary, slot)]
    if missing:
        _train_missing(
            model, world, source, held_out, dictionary, missing, name, progress, notes or {}
        )
    return [slot.record() for slot in slots]


def _train_missing(
    model: AgentModel,
    world: World,
    source: QuizSource,
    held_out: QuizBatch,
    dictionary: DictionaryConfig,
    slots: Sequence[SAESlot],
    name: str,
    progress: Progress | None,
    notes: Mapping[str, Any],
) -> None:
    if len(with_one_source(slots)) > 1:
        raise ValueError("SAEs that are trained together must read the same activations")
    began = time.monotonic()
    source_model = slots[0].baseline.source_model(model, world, slots[0].seed)
    stream = ActivationStream(
        source_model,
        world,
        source,
        dictionary.site,
        dictionary.buffer_quizzes,
        dictionary.epochs_per_buffer,
        dictionary.batch_size,
    )
    trainings = [
        sae_training(
            stream.batches(slot.seed), dictionary, slot.seed, name, progress, slot.baseline.prepare
        )
        for slot in slots
    ]
    saes = train_in_turn(trainings)
    for sae in saes:
        # sae_lens's store of activations and its evaluations ask how the agent is given tokens: a
        # whole quiz, which begins with a start token already.
        sae.cfg.metadata.context_size = world.seq_len
        sae.cfg.metadata.prepend_bos = False
    seconds = round((time.monotonic() - began) / len(slots), 1)

    def records(saved: list[SAE[Any]]) -> list[dict[str, Any]]:
        graded = held_out[:GRADED_QUIZZES]
        qualities = measure_qualities(source_model, world, graded, dictionary.site, saved)
        return [
            {
                **_identity(model, dictionary, slot),
                "seconds": seconds,
                "quality": quality.as_dict(),
                **notes,
            }
            for slot, quality in zip(slots, qualities, strict=True)
        ]

    save_saes(saes, [slot.path for slot in slots], records)
