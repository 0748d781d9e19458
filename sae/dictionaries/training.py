"""Training SAEs, and their folders on disk in sae_lens's own format."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import safetensors
import torch
from sae_lens import SAE, TrainingSAE
from sae_lens.constants import SAE_CFG_FILENAME
from sae_lens.saes.sae import SAEMetadata
from torch import Tensor

from sae.artifacts import FILES
from sae.config import DictionaryConfig
from sae.dictionaries.loop import (
    Progress,
    diverged,
    first_batches,
    make_trainer,
    mean_norms,
    training_steps,
)
from sae.dictionaries.sparse_training import SparseTrainer, trains_sparsely
from world.core.errors import UserError, first_line
from world.core.files import (
    behind_links,
    changed,
    hashes_of,
    json_text,
    let_umask_decide,
    naming,
    read_json,
    write_json,
)

LEARNING_RATE = "--sae.learning-rate"
RECORD = "training.json"
"""What an SAE was trained from and how it was graded, beside sae_lens's own files."""


def train_sae(
    batches: Iterator[Tensor],
    dictionary: DictionaryConfig,
    seed: int,
    model_name: str,
    progress: Progress | None = None,
    prepare: Callable[[TrainingSAE[Any]], None] = lambda sae: None,
) -> TrainingSAE[Any]:
    """An SAE trained on activations float32 [batch, d], the normalisation folded in.

    prepare: called with the SAE before its first step.

    Initial weights are drawn from ``seed`` alone: SAEs of different agents that start from
    equal weights end up with aligned features, whatever the agents share.
    """
    training = sae_training(batches, dictionary, seed, model_name, progress, prepare)
    (sae,) = train_in_turn([training])
    return sae


Training = Generator[None, None, TrainingSAE[Any]]
"""An SAE in training, which takes one batch each time it is asked to go on, and at last returns."""


def sae_training(
    batches: Iterator[Tensor],
    dictionary: DictionaryConfig,
    seed: int,
    model_name: str,
    progress: Progress | None = None,
    prepare: Callable[[TrainingSAE[Any]], None] = lambda sae: None,
) -> Training:
    """The training of ``train_sae``, for ``train_in_turn``.

    It begins with the batches that scales are estimated from, and steps on these first. Raises
    UserError when it diverges, and for activations that no SAE can be trained on.
    """
    first = []
    for batch in islice(batches, first_batches(dictionary)):
        first.append(batch)
        yield
    who = f"the SAE of agent {model_name} at {dictionary.site}"
    scale = _scale(torch.cat(first), who)
    sae = _fresh_sae(torch.cat(first), scale, dictionary, seed, model_name)
    prepare(sae)
    sparse = SparseTrainer(sae, dictionary, scale) if trains_sparsely(sae) else None
    trainer = sparse or make_trainer(sae, batches, dictionary, scale)
    yield from training_steps(
        trainer, first, batches, dictionary, progress, who=who, rate=LEARNING_RATE
    )
    if sparse:
        sparse.finish()
    if not all(bool(weight.isfinite().all()) for weight in sae.parameters()):
        raise diverged(who, "in its last step", LEARNING_RATE, dictionary.learning_rate)
    sae.fold_activation_norm_scaling_factor(scale)
    return sae


def train_in_turn(trainings: Sequence[Training]) -> list[TrainingSAE[Any]]:
    """Train SAEs on the same schedule to the end, each a batch at a time in turn."""
    saes: list[TrainingSAE[Any]] = []
    while len(saes) < len(trainings):
        for training in trainings:
            try:
                next(training)
            except StopIteration as end:
                saes.append(end.value)
    return saes


def _scale(activations: Tensor, who: str) -> float:
    """The factor that gives activations [n, d] a mean norm of sqrt(d)."""
    return activations.shape[1] ** 0.5 / float(mean_norms(activations, who))


def _fresh_sae(
    first: Tensor, scale: float, dictionary: DictionaryConfig, seed: int, model_name: str
) -> TrainingSAE[Any]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        metadata = SAEMetadata(model_name=model_name, hook_name=dictionary.site)
        sae = dictionary.architecture(first.shape[1], dictionary, metadata)
    sae.to(first.device)
    # Starting from the mean spares features from learning a constant, and dying of it.
    sae.b_dec.data = first.mean(dim=0) * scale
    return sae


def save_sae(
    sae: TrainingSAE[Any], path: Path, record: Callable[[SAE[Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Write an SAE for inference and its record, aside and then renamed; returns the record.

    record: what to note of the SAE as it will be loaded; whatever is at ``path`` is complete.
    """
    (content,) = save_saes([sae], [path], lambda saved: [record(saved[0])])
    return content


def save_saes(
    saes: Sequence[TrainingSAE[Any]],
    paths: Sequence[Path],
    records: Callable[[list[SAE[Any]]], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Write several as ``save_sae`` does one; records: what to note of each."""
    places = [behind_links(path) for path in paths]
    asides = [place.with_name(f".{place.name}.tmp") for place in places]
    for sae, aside in zip(saes, asides, strict=True):
        shutil.rmtree(aside, ignore_errors=True)
        with naming(aside):
            _write(sae, aside)
    contents = records([load_sae(aside, str(saes[0].W_dec.device)) for aside in asides])
    contents = [
        {**content, FILES: hashes_of(aside, sorted(file.name for file in aside.iterdir()))}
        for content, aside in zip(contents, asides, strict=True)
    ]
    for content, aside, place in zip(contents, asides, places, strict=True):
        write_json(aside / RECORD, content)
        let_umask_decide(*aside.iterdir())
        if place.exists():
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        os.rename(aside, place)
    return contents


def _write(sae: TrainingSAE[Any], folder: Path) -> None:
    try:
        sae.save_inference_model(folder)
        # sae_lens writes a set, in an order that is another in every process.
        options = json.loads((folder / SAE_CFG_FILENAME).read_text("utf-8"))
        (folder / SAE_CFG_FILENAME).write_text(json_text(options, sort_keys=True), "utf-8")
    except safetensors.SafetensorError as error:
        # A full disk arrives here as the library's own error.
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(
            f"cannot write {folder} ({error}); mend that and run the same command again to go on"
        ) from None


def load_sae(path: Path, device: str = "cpu") -> SAE[Any]:
    """The SAE saved at ``path``, ready for inference.

    Raises UserError when it is damaged, or other than its record says.
    """
    remedy = "remove it and run sae again to train that SAE again"
    record = read_json(path / RECORD, remedy) if (path / RECORD).exists() else {}
    if damaged := changed(path, record.get(FILES, {})):
        raise UserError(
            f"{path / damaged} cannot be read (its hash is not the one in its record); {remedy}"
        )
    try:
        sae = SAE.load_from_disk(path, device=device)
    except (OSError, KeyError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise UserError(f"{path} holds no readable SAE ({first_line(error)}); {remedy}") from None
    return sae.eval().requires_grad_(False)
