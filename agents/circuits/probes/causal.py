"""Is what a probe reads used? Its value in another quiz is put into a run: does the output follow?

Also called an interchange intervention along a direction (A. Geiger et al., "Finding alignments
between interpretable causal variables and distributed neural representations", 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from agents.circuits.probes.harvest import token_tensor
from agents.circuits.probes.linear import LinearProbe
from agents.evaluation import wilson_interval
from agents.hooks import Change, capture, evaluating, intervene
from agents.model import AgentModel
from world import QuizBatch
from world.core.errors import UserError

BATCH_SIZE = 64
"""Pairs in one pass."""
Vectors = Float[NDArray[np.float64], "B m d"]


@dataclass(frozen=True)
class Exchange:
    """What n pairs answer, at r output positions.

    base, donor: int64 [n, r], the most probable values of both, untouched. outputs: by edit, those
    of the base with the edit. contrasts: by edit, float64 [n], the logit of the donor's output less
    that of the base's, the mean over the outputs in which they differ (NaN where in none); "none"
    and "donor" are the untouched runs. lengths: by edit, the mean length of the edit of a token, in
    standard deviations of the activations.
    """

    base: Int[NDArray[np.int64], "n r"]
    donor: Int[NDArray[np.int64], "n r"]
    outputs: dict[str, Int[NDArray[np.int64], "n r"]]
    contrasts: dict[str, Float[NDArray[np.float64], " n"]]
    lengths: dict[str, float]

    def turned(self, edit: str) -> NDArray[np.bool_]:
        """bool [n]: the output is the donor's wherever base and donor differ."""
        return ((self.outputs[edit] == self.donor) | (self.base == self.donor)).all(axis=1)

    def table(self) -> pd.DataFrame:
        """An edit a row: what became of the output.

        Columns: edit; pairs whose outputs differ; turned (share of these whose output is now the
        donor's) with low and high (Wilson 95 % interval over pairs); elsewhere (share of these
        whose output is now neither the base's nor the donor's); way (share of the way of the mean
        logit contrast from base to donor); alike (pairs whose outputs are equal), kept (share of
        these whose output stays); length (see ``Exchange``).
        """
        differ = (self.base != self.donor).any(axis=1)
        none, donor = self.contrasts["none"], self.contrasts["donor"]
        way = (donor - none)[differ].sum()
        rows = []
        for edit, output in self.outputs.items():
            turned, kept = self.turned(edit), (output == self.base).all(axis=1)
            low, high = _wilson(turned[differ])
            moved = (self.contrasts[edit] - none)[differ].sum()
            rows.append(
                {
                    "edit": edit,
                    "pairs": int(differ.sum()),
                    "turned": _share(turned[differ]),
                    "low": low,
                    "high": high,
                    "elsewhere": _share((~turned & ~kept)[differ]),
                    "way": float(moved / way) if differ.any() else float("nan"),
                    "alike": int((~differ).sum()),
                    "kept": _share(kept[~differ]),
                    "length": self.lengths[edit],
                }
            )
        return pd.DataFrame(rows)


def exchange(
    model: AgentModel,
    probe: LinearProbe,
    base: QuizBatch,
    donor: QuizBatch,
    position: Int[NDArray[np.int64], "n m"],
    output: Int[NDArray[np.int64], "n r"],
    donor_position: Int[NDArray[np.int64], "n m"] | None = None,
    donor_output: Int[NDArray[np.int64], "n r"] | None = None,
    shuffled: Sequence[LinearProbe] = (),
    seed: int = 0,
) -> Exchange:
    """Run each base quiz with what the probe reads in its donor, and compare what it answers.

    position: the m places of each quiz at which the probe's site is edited. output: the r positions
    at which an answer is read, the base's own tokens given before each. donor_position,
    donor_output: those of the donor; the same by default. Use quizzes that the probe was not
    fitted to.

    Edits: "probe" puts the value of the donor along the probe's directions
    (``LinearProbe.put``). "random" goes as far in a random direction, of its own for every token.
    "shuffled" puts the donor's value along a probe of shuffled labels (``fit_shuffled``, in turn),
    lengthened to go as far. "whole" puts the donor's whole activation there: what could be moved
    at most. Raises UserError where batches and positions do not fit.
    """
    donor_position = position if donor_position is None else donor_position
    donor_output = output if donor_output is None else donor_output
    if not len(base) == len(donor) == len(position) == len(output):
        raise UserError("base, donor, position and output must have a row for each pair")
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, len(base), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        parts.append(
            _exchanged(
                model,
                probe,
                _Side(token_tensor(model, base[rows]), position[rows], output[rows]),
                _Side(token_tensor(model, donor[rows]), donor_position[rows], donor_output[rows]),
                shuffled,
                rng,
            )
        )
    return _joined(parts)


@dataclass(frozen=True)
class _Side:
    """Quizzes of one side of the pairs, where they are edited and where they answer."""

    tokens: Tensor
    position: NDArray[np.int64]
    output: NDArray[np.int64]


def _exchanged(
    model: AgentModel,
    probe: LinearProbe,
    base: _Side,
    donor: _Side,
    shuffled: Sequence[LinearProbe],
    rng: np.random.Generator,
) -> Exchange:
    """Of the pairs of one pass."""
    x, source = (_held(model, probe.site, side) for side in (base, donor))
    clean, other = (_logits(model, side) for side in (base, donor))
    own, wanted = clean.argmax(axis=2), other.argmax(axis=2)
    edited = {"probe": probe.put(x, probe.read(source)), "whole": source}
    edited |= _controls(probe, x, source, edited["probe"], shuffled, rng)
    outputs, contrasts, lengths = {}, {}, {}
    for name, logits in {"none": clean, "donor": other}.items():
        contrasts[name] = _contrast(logits, own, wanted)
    for edit, value in edited.items():
        with intervene(model, {probe.site: _placing(base.position, value)}):
            logits = _logits(model, base)
        outputs[edit] = logits.argmax(axis=2)
        contrasts[edit] = _contrast(logits, own, wanted)
        moved = probe.standardised(value) - probe.standardised(x)
        lengths[edit] = float(np.linalg.norm(moved, axis=2).mean())
    return Exchange(own, wanted, outputs, contrasts, lengths)


def _controls(
    probe: LinearProbe,
    x: Vectors,
    source: Vectors,
    edited: Vectors,
    shuffled: Sequence[LinearProbe],
    rng: np.random.Generator,
) -> dict[str, Vectors]:
    """Edits as long as the probe's, in standardised activations, that mean nothing."""
    length = np.linalg.norm(probe.standardised(edited) - probe.standardised(x), axis=2)
    moves = {"random": rng.standard_normal(x.shape) * (probe.scale > 0)}
    if shuffled:
        # Each with the scale of the same activations, so that moves of all are in one unit.
        several = [other.move(other.read(source) - other.read(x)) for other in shuffled]
        turn = np.arange(len(x)) % len(shuffled)
        moves["shuffled"] = np.stack(several)[turn, np.arange(len(x))]
    return {name: x + probe.scale * _lengthened(move, length) for name, move in moves.items()}


def _lengthened(move: Vectors, length: NDArray[np.float64]) -> Vectors:
    own = np.linalg.norm(move, axis=2)
    factor = np.divide(length, own, out=np.zeros_like(own), where=own > 0)
    return move * factor[..., None]


def _held(model: AgentModel, site: str, side: _Side) -> Vectors:
    """Activations at the places that are edited, of all heads one after another."""
    x = capture(model, side.tokens, [site])[site].flatten(2)
    row = torch.arange(len(x), device=x.device)[:, None]
    place = torch.from_numpy(side.position).to(x.device)
    return x[row, place].double().cpu().numpy()


def _logits(model: AgentModel, side: _Side) -> NDArray[np.float64]:
    """[B, r, V], at the output positions."""
    with evaluating(model):
        logits = model(side.tokens)
    row = torch.arange(len(logits), device=logits.device)[:, None]
    place = torch.from_numpy(side.output).to(logits.device)
    return logits[row, place].double().cpu().numpy()


def _placing(position: NDArray[np.int64], value: Vectors) -> Change:
    """A change to ``value`` at the positions of each quiz."""

    def change(x: Tensor) -> Tensor:
        changed = x.clone()
        row = torch.arange(len(x), device=x.device)[:, None]
        place = torch.from_numpy(position).to(x.device)
        put = torch.from_numpy(value).to(x.device, x.dtype)
        changed[row, place] = put.reshape(*position.shape, *x.shape[2:])
        return changed

    return change


def _contrast(
    logits: NDArray[np.float64], base: NDArray[np.int64], donor: NDArray[np.int64]
) -> NDArray[np.float64]:
    """[B]: see ``Exchange.contrasts``."""
    each = np.take_along_axis(logits, np.stack([donor, base], axis=2), axis=2)
    differ = base != donor
    total = np.where(differ, each[..., 0] - each[..., 1], 0).sum(axis=1)
    count = differ.sum(axis=1)
    return np.divide(total, count, out=np.full(len(base), np.nan), where=count > 0)


def _joined(parts: Sequence[Exchange]) -> Exchange:
    sizes = [len(part.base) for part in parts]
    first = parts[0]
    return Exchange(
        np.concatenate([part.base for part in parts]),
        np.concatenate([part.donor for part in parts]),
        {edit: np.concatenate([part.outputs[edit] for part in parts]) for edit in first.outputs},
        {edit: np.concatenate([p.contrasts[edit] for p in parts]) for edit in first.contrasts},
        {
            edit: float(np.average([part.lengths[edit] for part in parts], weights=sizes))
            for edit in first.lengths
        },
    )


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def _wilson(hits: NDArray[np.bool_]) -> tuple[float, float]:
    nothing = float("nan")
    return wilson_interval(int(hits.sum()), len(hits)) if len(hits) else (nothing, nothing)


def hold(
    probe: LinearProbe,
    where: Bool[NDArray[np.bool_], "n T"],
    value: Float[NDArray[np.float64], " k"] | None = None,
) -> Change:
    """A change for ``intervene`` at the probe's site, by which it reads ``value`` at ``where``.

    where: a row for each sequence, or one for all. value: by default what is read at the mean of
    the activations, which erases what the probe tells.
    """
    aim = probe.bias if value is None else value

    def change(x: Tensor) -> Tensor:
        # Where an agent writes with a cache, x has the newest positions alone.
        shown = np.broadcast_to(where[:, -x.shape[1] :], x.shape[:2])
        mask, changed = torch.from_numpy(shown.copy()).to(x.device), x.flatten(2).clone()
        chosen = changed[mask].double().cpu().numpy()
        put = probe.put(chosen, np.broadcast_to(aim, (len(chosen), len(aim))))
        changed[mask] = torch.from_numpy(put).to(changed)
        return changed.reshape(x.shape)

    return change


def pairs_that_differ(
    values: Float[NDArray[np.float64], " n"],
    alike: Int[NDArray[np.int64], " n"],
    rng: np.random.Generator,
) -> tuple[Int[NDArray[np.int64], " p"], Int[NDArray[np.int64], " p"]]:
    """Bases and, for each, a donor of another value that is ``alike`` otherwise, as in length.

    Donors are drawn from all that suit. Quizzes without one, or with the value NaN, are left out.
    """
    bases, donors = [], []
    for i in np.flatnonzero(~np.isnan(values)):
        suits = (alike == alike[i]) & (values != values[i]) & ~np.isnan(values)
        if suits.any():
            bases.append(i)
            donors.append(rng.choice(np.flatnonzero(suits)))
    return np.array(bases, dtype=np.int64), np.array(donors, dtype=np.int64)
