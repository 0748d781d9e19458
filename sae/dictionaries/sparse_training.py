"""Training a BatchTopK SAE on a processor: sae_lens's step with the sparsity used.

Of a step's products only one is dense, that which finds what is active. What follows works on the
few features that are: k of F at a token. The length of a feature's decoder decides whether it is
active and cancels from its reconstruction, so all gradients are short sums. Losses, gradients,
clipping, optimiser, schedule and thresholds are sae_lens's; sums are taken in another order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sae_lens
import torch
from numpy.typing import NDArray
from sae_lens import TrainingSAE
from torch import Tensor

from sae.dictionaries.batch_topk import MARGIN, QuickBatchTopKSAE
from sae.dictionaries.kernels import adam, add_gradients, find_above
from sae.dictionaries.schedule import Reconstruction, Schedule, learning_rate

SPARSE = 1 / 8
"""Share of features active at a token up to which this is faster than dense products."""
BETAS, EPSILON, MOST_NORM = (0.9, 0.999), 1e-8, 1.0
"""Adam's, and the norm to which gradients are clipped: those of sae_lens's trainer."""

Array = NDArray[np.float32]


def trains_sparsely(sae: TrainingSAE[Any]) -> bool:
    """Whether ``SparseTrainer`` can train an SAE, and does so faster."""
    return (
        type(sae) is QuickBatchTopKSAE
        and sae.W_dec.device.type == "cpu"
        and sae.W_dec.dtype == torch.float32
        and sae.cfg.rescale_acts_by_decoder_norm
        and sae.cfg.apply_b_dec_to_input
        and sae.cfg.k <= SPARSE * sae.cfg.d_sae
        and all(weight.requires_grad for weight in (sae.W_enc, sae.b_enc, sae.b_dec))
    )


class _Parts:
    """Views of one flat array: biases float32 [d] and [F], encoder and decoder [F, d]."""

    def __init__(self, flat: Array, size: int, width: int) -> None:
        ends = np.cumsum([width, size, size * width])
        self.flat = flat
        self.b_dec, self.b_enc, encoder, decoder = np.split(flat, ends)
        self.encoder, self.decoder = (each.reshape(size, width) for each in (encoder, decoder))


class SparseTrainer:
    """Trains an SAE in place of sae_lens's trainer. Its weights are those of the SAE only after
    ``finish``: while training they lie in one array, the encoder turned.

    scale: what activations are multiplied by.
    """

    def __init__(self, sae: QuickBatchTopKSAE, schedule: Schedule, scale: float) -> None:
        sae.cfg.sae_lens_training_version = sae_lens.__version__
        self.sae, self.schedule, self.scale = sae, schedule, scale
        self.n_training_steps = 0
        size, width = sae.W_dec.shape
        given = sae.b_dec, sae.b_enc, sae.W_enc.T, sae.W_dec
        flat = torch.cat([weight.detach().flatten() for weight in given]).numpy()
        self._weights = _Parts(flat, size, width)
        self._gradient = _Parts(np.zeros_like(flat), size, width)
        self._moments = np.zeros((2, len(flat)), dtype=np.float32)
        self._learns_decoder = bool(sae.W_dec.requires_grad)
        self._since_fired = np.zeros(size, dtype=np.int64)
        self._threshold, self._last = float(sae.topk_threshold), 0.0
        self._hidden = torch.empty(schedule.batch_size, size)
        self._place = np.empty(self._hidden.numel(), dtype=np.int32)
        self._value = np.empty(self._hidden.numel(), dtype=np.float32)

    def step(self, batch: Tensor) -> Reconstruction:
        """One step on activations float32 [batch_size, d]."""
        x, weights = batch * self.scale, self._weights
        centred = x - torch.from_numpy(weights.b_dec)
        norm = np.sqrt(np.einsum("fd,fd->f", weights.decoder, weights.decoder))
        longer = torch.from_numpy(weights.encoder * norm[:, None])
        torch.addmm(torch.from_numpy(weights.b_enc * norm), centred, longer.T, out=self._hidden)
        dead = np.flatnonzero(self._since_fired > self.schedule.dead_after)
        place, value = self._active()
        error = self._learn(centred.numpy(), place, value, norm)
        if len(dead):
            self._help(torch.from_numpy(dead), centred, error, torch.from_numpy(norm))
        self._update()
        return Reconstruction(x, x + error)

    def finish(self) -> None:
        """Give the SAE its weights."""
        weights, sae = self._weights, self.sae
        sae.b_dec.data = torch.from_numpy(weights.b_dec.copy())
        sae.b_enc.data = torch.from_numpy(weights.b_enc.copy())
        sae.W_enc.data = torch.from_numpy(weights.encoder.T.copy())
        sae.W_dec.data = torch.from_numpy(weights.decoder.copy())
        sae.topk_threshold.fill_(self._threshold)

    def _active(self) -> tuple[NDArray[np.int32], Array]:
        """Places row * F + feature of what is active, in order, and how strongly it is.

        As ``BatchTopK`` chooses: the greatest positive values, of which only those near the last
        threshold are searched.
        """
        most = int(self.sae.cfg.k * self.schedule.batch_size)
        found = self._above(MARGIN * self._last)
        if found <= most:
            found = self._above(0.0)
        place, value = self._place[:found], self._value[:found]
        if found > most:
            self._last = float(np.partition(value, found - most - 1)[found - most - 1])
            kept = value > self._last
            place, value = place[kept], value[kept]
        return place, value

    def _above(self, least: float) -> int:
        values = self._hidden.numpy().reshape(-1)
        return int(find_above(values, np.float32(least), self._place, self._value))

    def _learn(self, centred: Array, place: NDArray[np.int32], value: Array, norm: Array) -> Tensor:
        """Gradients of the reconstruction of what is active; returns its error [batch_size, d]."""
        gradient, weights = self._gradient, self._weights
        error, fired = np.empty_like(centred), np.zeros(len(norm), dtype=np.bool_)
        by = gradient.b_dec, gradient.b_enc, gradient.encoder, gradient.decoder
        rows, size = len(centred), len(norm)
        start = np.searchsorted(place, np.arange(rows + 1) * size)
        known = centred, start, place % size, value, norm, weights.encoder, weights.decoder
        add_gradients(*known, error, fired, self._learns_decoder, by)
        self._since_fired += 1
        self._since_fired[fired] = 0
        if len(value):
            pace = self.sae.cfg.topk_threshold_lr
            self._threshold = (1 - pace) * self._threshold + pace * float(value.min())
        return torch.from_numpy(error)

    def _help(self, dead: Tensor, centred: Tensor, error: Tensor, norm: Tensor) -> None:
        """Gradients of the auxiliary loss, in which dead features fit what is left over."""
        config, most = self.sae.cfg, centred.shape[1] // 2
        weights = torch.from_numpy(self._weights.decoder)[dead]
        values = self._hidden.index_select(1, dead)
        chosen = _greatest(values, most)
        values = values * chosen / norm[dead]
        share = min(len(dead) / most, 1.0)
        slope = (values @ weights).add_(error)
        slope *= 2 * config.aux_loss_coefficient * share / len(centred)
        by_value = (slope @ weights.T).mul_(chosen)
        gradient = self._gradient
        torch.from_numpy(gradient.b_enc).index_add_(0, dead, by_value.sum(dim=0))
        torch.from_numpy(gradient.encoder).index_add_(0, dead, by_value.T @ centred)
        if self._learns_decoder:
            torch.from_numpy(gradient.decoder).index_add_(0, dead, values.T @ slope)

    def _update(self) -> None:
        gradient, weights = self._gradient, self._weights
        # The decoder's bias is taken from what is encoded, too.
        gradient.b_dec -= gradient.b_enc @ weights.encoder
        learning = slice(None if self._learns_decoder else -weights.decoder.size)
        step = self.n_training_steps
        adam(
            weights.flat[learning],
            gradient.flat[learning],
            *self._moments[:, learning],
            MOST_NORM,
            learning_rate(self.schedule, step),
            *BETAS,
            EPSILON,
            step + 1,
        )


def _greatest(values: Tensor, most: int) -> Tensor:
    """Float32 [B, n]: 1 at the ``most`` greatest values of each row, and at those equal to the
    least of them, else 0."""
    if values.shape[1] <= most:
        return torch.ones_like(values)
    # NumPy's selection takes a sixth of the time of PyTorch's topk.
    place = values.shape[1] - most
    least = np.partition(values.numpy(), place, axis=1)[:, [place]]
    return (values >= torch.from_numpy(least)).float()
