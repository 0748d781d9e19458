"""A crosscoder's folder: trained, graded and written once, in the format of sae_lens."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sae_lens import SAE

from sae.activations.harvest import token_rows
from sae.activations.quizzes import QuizSource
from sae.artifacts import current_record, kept
from sae.crosscoder.collect import collect
from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.harvest import JointActivations, JointStream
from sae.crosscoder.model import as_crosscoder
from sae.crosscoder.training import train_crosscoder
from sae.dictionaries.slots import GRADED_QUIZZES
from sae.dictionaries.training import RECORD, Progress, save_sae
from world import QuizBatch

READING_FIELDS = ("carried", "min_firings", "exclusive_error", "exclusive_reconstruction")
"""Options that change how a crosscoder is read, and not its weights."""


def crosscoder_done(
    made_from: Mapping[str, Any], site: str, config: CrosscoderConfig, seed: int, path: Path
) -> bool:
    """True when the crosscoder at ``path`` is complete and of these agents, options and seed."""
    identity = _identity(made_from, site, config, seed)
    return current_record(path / RECORD, identity) is not None


def _identity(
    made_from: Mapping[str, Any], site: str, config: CrosscoderConfig, seed: int
) -> dict[str, Any]:
    options = {name: v for name, v in asdict(config).items() if name not in READING_FIELDS}
    return {"made_from": {**made_from, "site": site, "seed": seed, **options}}


def fit_crosscoder(
    joint: JointActivations,
    source: QuizSource,
    held_out: QuizBatch,
    config: CrosscoderConfig,
    path: Path,
    seed: int,
    made_from: Mapping[str, Any],
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train, grade and save a crosscoder, unless it is there; returns its record.

    source: training quizzes in answer layouts. held_out: other quizzes, to grade it on. path:
    its folder. seed: of its initial weights and the order of its data. made_from: what tells these
    activations from others, such as hashes of the agents' weights, in JSON's types.
    """
    identity = _identity(made_from, joint.site, config, seed)

    def make() -> None:
        began = time.monotonic()
        stream = JointStream(
            joint, source, config.buffer_quizzes, config.epochs_per_buffer, config.batch_size
        )
        batches = stream.batches(seed)
        sae = train_crosscoder(batches, joint.agents, config, seed, joint.site, progress)
        seconds = round(time.monotonic() - began, 1)

        def record(saved: SAE[Any]) -> dict[str, Any]:
            graded = held_out[:GRADED_QUIZZES]
            rows = token_rows(joint.world, graded)
            blocks = joint.blocks(graded, config.buffer_quizzes)
            quality = collect(as_crosscoder(saved), blocks, rows).quality
            return {**identity, "seconds": seconds, "quality": quality.as_dict()}

        path.parent.mkdir(parents=True, exist_ok=True)
        save_sae(sae, path, record)

    return kept(path / RECORD, identity, make)
