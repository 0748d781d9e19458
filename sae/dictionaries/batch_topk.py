"""sae_lens's BatchTopK SAE with the two slow parts of a training step done in less work.

Its selection sorts every pre-activation of a batch; between two steps the least value that is
kept hardly moves, so only those near it or above need a search. Its auxiliary loss works on all
features; few are dead, and only these matter to it. The values are the same where no two tie.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from sae_lens import BatchTopKTrainingSAE
from torch import Tensor, nn

MARGIN = 0.8
"""Values above this share of the last threshold are searched first."""
SEARCHED_ON = ("cpu",)
"""Types of device on which the threshold is searched for; others sort."""


class BatchTopK(nn.Module):
    """Keep the k * B greatest positive values of a batch of B rows (Bussmann et al., 2024).

    Takes and gives float [B, features]. Where more values than there is room for are equal to
    the least one, none of them is kept.
    """

    def __init__(self, k: float) -> None:
        super().__init__()
        self.k = k
        self.last = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """The values kept, zero elsewhere."""
        count = int(self.k * x.shape[:-1].numel())
        return torch.where(x > self._threshold(x.detach(), count), x, 0.0)

    def _threshold(self, x: Tensor, count: int) -> Tensor:
        """The greatest value that is not kept, at least 0."""
        if count >= x.numel():
            return x.new_zeros(())
        if x.device.type not in SEARCHED_ON:
            # A GPU sorts faster than the search could wait for its results.
            return x.relu().flatten().topk(count + 1, sorted=False).values.min()
        near = x[x > MARGIN * self.last]
        if len(near) <= count:
            near = x[x > 0]
        if len(near) <= count:
            return x.new_zeros(())
        threshold = near.kthvalue(len(near) - count).values
        self.last = float(threshold)
        return threshold


class QuickBatchTopKSAE(BatchTopKTrainingSAE):
    """sae_lens's BatchTopK SAE, trained to the same weights in less time."""

    def get_activation_fn(self) -> Callable[[Tensor], Tensor]:
        """The search in place of the sort."""
        return BatchTopK(self.cfg.k)

    def calculate_topk_aux_loss(
        self,
        sae_in: Tensor,
        sae_out: Tensor,
        hidden_pre: Tensor,
        dead_neuron_mask: Tensor | None,
    ) -> Tensor:
        """Squared error with which the d / 2 greatest dead features give what is left over.

        ``sae_in`` and ``sae_out`` float [B, d], ``hidden_pre`` float [B, features],
        ``dead_neuron_mask`` bool [features] (Gao et al., 2024, appendix A.2).
        """
        dead = None if dead_neuron_mask is None else dead_neuron_mask.nonzero()[:, 0]
        if dead is None or len(dead) == 0:
            return sae_out.new_zeros(())
        most = sae_in.shape[-1] // 2
        values = hidden_pre.index_select(1, dead)
        if len(dead) > most:
            top = values.topk(most, sorted=False)
            values = torch.zeros_like(values).scatter(1, top.indices, top.values)
        decoder = self.W_dec.index_select(0, dead)
        if self.cfg.rescale_acts_by_decoder_norm:
            values = values / decoder.norm(dim=-1)
        error = (values @ decoder - (sae_in - sae_out).detach()).pow(2).sum(dim=-1).mean()
        return self.cfg.aux_loss_coefficient * min(len(dead) / most, 1.0) * error
