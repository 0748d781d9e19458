"""Inside an agent of the experiment: waves in its embeddings, and aliases put for numbers.

Networks that add modulo p embed n as waves, cos(2πkn/p) and sin(2πkn/p), of a few frequencies k
(Nanda et al., 2023, arXiv 2301.05217); of squares, those of n² would do as well. Their measures of
progress are kept: the loss with embeddings of these waves alone, and without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.hooks import capture, intervene
from agents.model import AgentModel
from agents.scoring import score
from world import QuizBatch
from world.aliases import AliasesWorld
from world.aliases.options import ALIASES, LINKS, NUMBERS, TASKS
from world.aliases.rows import FIRST, X

KEYS = 6
"""Frequencies that are kept, or left out."""
SAMPLED = 300
"""Most cells that losses and exchanges are measured on."""
NUMBER, SQUARE = "n", "n²"
"""What waves may be of."""
ALL, WAVES, REST, RANDOM = "all", "waves alone", "without the waves", "random waves alone"
"""What the embeddings of numbers hold while a loss is measured."""
DIFFERENCE = "difference"
LINKED_ALIAS, OTHER_ALIAS = "the alias linked with it", "another alias"
"""What stands for x."""
TRUSTED, DOUBTED = "its own alias, tagged reliable", "its own alias, tagged unreliable"
MISLED = "the alias of another, tagged unreliable"
"""The same by tag, where links have one; of numbers to which that applies."""

Floats = NDArray[np.float64]


def places(world: AliasesWorld) -> dict[str, NDArray[np.int64]]:
    """By what waves are of, int64 [p]: where each number lies on the circle of p places."""
    n = np.arange(world.modulus)
    found = {NUMBER: n}
    if world.operation == "squares":
        found[SQUARE] = n * n % world.modulus
    return found


def wave_shares(vectors: Floats, place: NDArray[np.int64], modulus: int) -> Floats:
    """float64 [(p - 1) / 2]: the share of the variance of vectors [p, d] that the two waves of each
    frequency 1, 2, ... explain alone."""
    centred = vectors - vectors.mean(axis=0)
    whole = float((centred**2).sum())
    bases = (np.linalg.qr(_waves(place, [k], modulus))[0] for k in range(1, (modulus + 1) // 2))
    explained = np.array([((basis.T @ centred) ** 2).sum() for basis in bases])
    return np.asarray(explained / whole if whole else np.zeros(len(explained)))


def of_waves(vectors: Floats, place: NDArray[np.int64], keys: list[int], modulus: int) -> Floats:
    """float64 [p, d]: what the waves of some frequencies hold of vectors, and their mean."""
    mean = vectors.mean(axis=0)
    waves = _waves(place, keys, modulus)
    fitted, *_ = np.linalg.lstsq(waves, vectors - mean, rcond=None)
    return np.asarray(mean + waves @ fitted)


def _waves(place: NDArray[np.int64], keys: list[int], modulus: int) -> Floats:
    """float64 [p, 2 K], each of mean 0."""
    angle = 2 * np.pi * np.outer(place, keys) / modulus
    waves = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(waves - waves.mean(axis=0))


def embedded(model: AgentModel, world: AliasesWorld, alphabet: int) -> Floats:
    """float64 [p, d_model]: the embeddings of numbers or of their aliases."""
    first = FIRST + alphabet * world.modulus
    rows: Tensor = _table(model).weight[first : first + world.modulus]
    return np.asarray(rows.detach().double().cpu().numpy())


def _table(model: AgentModel) -> nn.Embedding:
    table = model.get_submodule("embed")
    assert isinstance(table, nn.Embedding)
    return table


def spectrum_names(world: AliasesWorld) -> list[str]:
    """Of ``spectra``: whose embeddings, and what waves are of."""
    known = (TASKS[NUMBERS], TASKS[ALIASES], DIFFERENCE)
    of = known if TASKS[ALIASES] in world.tasks else known[:1]
    return [f"{name}, {place}" for name in of for place in places(world)]


def spectra(model: AgentModel, world: AliasesWorld) -> dict[str, Floats]:
    """By ``spectrum_names``, shares of waves: in embeddings of numbers; where the agent knows both,
    of aliases; and of what a number has beyond the alias linked with it."""
    numbers = embedded(model, world, NUMBERS)
    vectors = [numbers]
    if TASKS[ALIASES] in world.tasks:
        aliases = embedded(model, world, ALIASES)
        vectors += [aliases, numbers - aliases[world.material.partner]]
    found = [
        wave_shares(rows, place, world.modulus)
        for rows in vectors
        for place in places(world).values()
    ]
    return dict(zip(spectrum_names(world), found, strict=True))


def progress(
    model: AgentModel, world: AliasesWorld, cells: NDArray[np.int64]
) -> dict[str, dict[str, float]]:
    """By what waves are of: "share" of the variance of numbers that the ``KEYS`` strongest waves
    explain, and the loss on cells, in nats an answer, for each of ``ALL``, ``WAVES``, ...

    Waves of n are orthogonal, so their shares add up to 1; those of n² are not, so the share is of
    all ``KEYS`` fitted together.
    """
    vectors, p = embedded(model, world, NUMBERS), world.modulus
    batch = world.rows(TASKS[NUMBERS], cells)
    rng = np.random.default_rng(world.drawing)
    whole = float(((vectors - vectors.mean(axis=0)) ** 2).sum())
    count = min(KEYS, (p - 1) // 4)
    found = {}
    for of, place in places(world).items():
        keys = (np.argsort(-wave_shares(vectors, place, p), kind="stable")[:count] + 1).tolist()
        chance = (rng.permutation((p - 1) // 2)[:count] + 1).tolist()
        waves = of_waves(vectors, place, keys, p)
        held = {
            ALL: vectors,
            WAVES: waves,
            REST: vectors - waves + vectors.mean(axis=0),
            RANDOM: of_waves(vectors, place, chance, p),
        }
        explained = float(((waves - waves.mean(axis=0)) ** 2).sum()) / whole if whole else 0.0
        losses = {name: _loss(model, world, batch, rows) for name, rows in held.items()}
        found[of] = {"share": explained, **losses}
    return found


def _loss(model: AgentModel, world: AliasesWorld, batch: QuizBatch, vectors: Floats) -> float:
    with _embedding(model, world, vectors):
        return -float(score(model, world, batch, 512).log_prob.mean())


@contextmanager
def _embedding(model: AgentModel, world: AliasesWorld, vectors: Floats) -> Iterator[None]:
    """While in force, numbers are embedded as vectors [p, d_model]."""
    weight = _table(model).weight
    numbers = slice(FIRST, FIRST + world.modulus)
    before = weight.data[numbers].clone()
    weight.data[numbers] = torch.from_numpy(vectors).to(weight)
    try:
        yield
    finally:
        weight.data[numbers] = before


def exchanged(
    model: AgentModel, world: AliasesWorld, cells: NDArray[np.int64]
) -> dict[str, dict[str, list[int]]]:
    """Does an alias do for x? By site of the residual stream, and by what stands for x: answers
    that stay, and rows asked, of those of cells of numbers that are answered right.

    What the network holds at x is exchanged for what it holds there when the alias is read. Empty
    where the agent knows no links.
    """
    if TASKS[LINKS] not in world.tasks:
        return {}
    batch = world.rows(TASKS[NUMBERS], cells)
    right = score(model, world, batch, 512).correct
    batch, x = batch[right], cells[right, 0]
    rng = np.random.default_rng(world.drawing)
    other = (x + rng.integers(1, world.modulus, size=len(x))) % world.modulus
    stands = {LINKED_ALIAS: x, OTHER_ALIAS: other}
    groups = _by_tag(world, x)
    return {
        site: {
            **{name: _stay(model, world, batch, n, site) for name, n in stands.items()},
            **{name: _stay(model, world, batch[of], x[of], site) for name, of in groups.items()},
        }
        for site in (f"blocks.{layer}.hook_resid_pre" for layer in range(model.n_layers))
    }


def _by_tag(world: AliasesWorld, x: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """By tag, and whether it is true, bool [B]: whose x is linked so."""
    if world.links != "tagged":
        return {}
    reliable, own = world.material.reliable[x], world.material.partner[x] == x
    return {TRUSTED: reliable, DOUBTED: ~reliable & own, MISLED: ~reliable & ~own}


def _stay(
    model: AgentModel, world: AliasesWorld, batch: QuizBatch, number: NDArray[np.int64], site: str
) -> list[int]:
    """number: int64 [B], whose linked alias is read at x."""
    if not len(batch):
        return [0, 0]
    tokens = torch.from_numpy(batch.tokens.astype(np.int64)).to(model.unembed.weight.device)
    tokens[:, X] = torch.from_numpy(FIRST + world.modulus + world.material.partner[number]).to(
        tokens
    )
    read_at = X + 1  # an activation has read the tokens before its own
    held = capture(model, tokens, [site])[site][:, read_at]

    def put(stream: Tensor) -> Tensor:
        changed = stream.clone()
        changed[:, read_at] = held
        return changed

    with intervene(model, {site: put}):
        kept = score(model, world, batch, len(batch)).correct
    return [int(kept.sum()), len(kept)]


def look_inside(
    model: AgentModel, world: AliasesWorld, held_out: NDArray[np.int64]
) -> Mapping[str, Any]:
    """Waves on some cells held out, exchanges on some trained on."""
    rng = np.random.default_rng(world.drawing)
    asked, trained = (
        rng.permutation(cells)[:SAMPLED] for cells in (held_out, world.material.cells[NUMBERS][0])
    )
    return {
        "waves": progress(model, world, asked),
        "exchanged": exchanged(model, world, trained),
    }
