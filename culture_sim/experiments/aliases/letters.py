"""An autoencoder of an agent, and what its features are at every letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sae_lens import SAE
from scipy import sparse

from agents.hooks import capture
from agents.model import AgentModel
from culture_sim.experiments.aliases.features import ANSWERED, READ, Floats
from sae.activations.codes import encode
from sae.activations.quizzes import held_out_quizzes, training_source
from sae.config import DictionaryConfig
from sae.dictionaries.slots import GRADED_QUIZZES, SAESlot, train_slots
from sae.dictionaries.training import load_sae
from world import QuizBatch, Stream
from world.aliases import AliasesWorld
from world.aliases.options import ALIASES, NUMBERS, TASKS
from world.aliases.rows import ANSWER, X

MOST = 10_000
"""Cells of a table that answers are averaged over; all of a smaller one."""


def trained_sae(
    model: AgentModel, world: AliasesWorld, dictionary: DictionaryConfig, path: Path, seed: int
) -> tuple[SAE[Any], dict[str, float]]:
    """An autoencoder trained on rows that the agent did not train on, unless it is at ``path``
    already; and its quality on others of them."""
    stream = Stream(seed, "aliases-sae")
    source = training_source(world, stream)
    graded = held_out_quizzes(world, stream.with_role("aliases-sae-graded"), GRADED_QUIZZES)
    slot = SAESlot(seed, "0", stream.seed(), path)
    (record,) = train_slots(model, world, source, graded, dictionary, [slot], f"seed {seed}")
    return load_sae(path), dict(record["quality"])


@torch.no_grad()
def letter_means(
    model: AgentModel, world: AliasesWorld, sae: SAE[Any], site: str
) -> dict[str, Floats]:
    """By where letters are, float64 [2, p, F]: the mean activation of each feature at every number
    and at every alias; 0 at what is the answer to no cell."""
    p = world.modulus
    # What is held at x has read no token behind it.
    of_x = np.stack([np.arange(p), np.zeros(p, dtype=np.int64)], axis=1)
    cells = np.random.default_rng(world.drawing).permutation(p**2)[:MOST]
    of_z = np.stack(np.divmod(cells, p), axis=1)
    answers = world.material.table[of_z[:, 0], of_z[:, 1]]
    read, answered = [], []
    for table in (NUMBERS, ALIASES):
        at_x = _codes(model, sae, site, world.rows(TASKS[table], of_x), X + 1)
        at_answer = _codes(model, sae, site, world.rows(TASKS[table], of_z), ANSWER)
        read.append(at_x.toarray())
        answered.append(_means(at_answer, answers, p))
    return {READ: np.stack(read).astype(np.float64), ANSWERED: np.stack(answered)}


def _codes(
    model: AgentModel, sae: SAE[Any], site: str, batch: QuizBatch, place: int
) -> sparse.csr_array:
    """[B, F]: of what the network holds at a place of every row."""
    tokens = torch.from_numpy(batch.tokens.astype(np.int64))
    held = [capture(model, part, [site])[site][:, place] for part in tokens.split(1024)]
    return encode(sae, torch.cat(held).float())


def _means(codes: sparse.csr_array, group: NDArray[np.int64], groups: int) -> Floats:
    """float64 [groups, F]: means of the rows of each group."""
    rows = np.arange(len(group))
    member = sparse.csr_array((np.ones(len(group)), (group, rows)), (groups, len(group)))
    counts = np.maximum(np.bincount(group, minlength=groups), 1)
    return np.asarray((member @ codes).toarray() / counts[:, None], dtype=np.float64)
