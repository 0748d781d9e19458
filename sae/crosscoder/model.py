"""A crosscoder as an SAE of sae_lens: on the activations of all agents, side by side.

An encoder for each agent that add up to one code, and a decoder for each agent from that code
(Lindsey et al. 2024), are the encoder and the decoder of one SAE on the concatenated activations.
What differs is the length of a feature's decoder by which BatchTopK chooses what is active: the
sum of its lengths in the agents, not the length of the whole row (Minder et al. 2025).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sae_lens import SAE, BatchTopKTrainingSAEConfig
from torch import Tensor

from sae.dictionaries.batch_topk import QuickBatchTopKSAE
from sae.dictionaries.training import load_sae


class CrosscoderSAE(QuickBatchTopKSAE):
    """A crosscoder in training, on activations float32 [B, A * d] of A agents.

    A code is in units of the summed lengths of its feature's decoders, f_j * sum_a |W_a,j|, so
    that an agent in which a feature is short still counts for whether it is active. Saved for
    inference, those lengths add up to 1 in every feature.
    """

    def __init__(self, cfg: BatchTopKTrainingSAEConfig, agents: int) -> None:
        super().__init__(cfg)
        self.agents = agents

    def summed_norms(self) -> Tensor:
        """Float [F]: the lengths of each feature's A decoders, added."""
        return self.W_dec.unflatten(1, (self.agents, -1)).norm(dim=-1).sum(dim=-1)

    def get_W_dec_norm(self) -> Tensor:
        """Float [F], without gradient: by these sae_lens scales a decoder when it is saved."""
        return self.summed_norms().detach().clamp(min=1e-8)

    def encode_with_hidden_pre(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and what they are chosen from, both float [B, F]."""
        hidden = self.process_sae_in(x) @ self.W_enc + self.b_enc
        hidden = self.hook_sae_acts_pre(hidden) * self.summed_norms()
        return self.hook_sae_acts_post(self.activation_fn(hidden)), hidden

    def decode(self, feature_acts: Tensor) -> Tensor:
        """Activations float [B, A * d] of codes [B, F]."""
        decoded = (feature_acts / self.summed_norms()) @ self.W_dec + self.b_dec
        return self.hook_sae_recons(decoded)

    def calculate_topk_aux_loss(
        self,
        sae_in: Tensor,
        sae_out: Tensor,
        hidden_pre: Tensor,
        dead_neuron_mask: Tensor | None,
    ) -> Tensor:
        """The parent's loss, which takes values in units of the length of the whole row."""
        rescaled = hidden_pre * (self.W_dec.norm(dim=-1) / self.summed_norms())
        return super().calculate_topk_aux_loss(sae_in, sae_out, rescaled, dead_neuron_mask)


@dataclass(frozen=True)
class Crosscoder:
    """A trained crosscoder of A agents and F features, each token encoded by itself (JumpReLU).

    sae: on activations float32 [n, A * d], scaled. agents: their numbers, in the order of the
    decoders. scales: float32 [A], the factor that gives an agent's activations a mean norm of
    sqrt(d).
    """

    sae: SAE[Any]
    agents: tuple[int, ...]
    scales: Tensor

    @property
    def decoder(self) -> Tensor:
        """Float32 [F, A, d], for scaled activations."""
        return self.sae.W_dec.unflatten(1, (len(self.agents), -1))

    def scaled(self, activations: Tensor) -> Tensor:
        """Activations [n, A, d] of equal mean norm, which codes are made from and give."""
        return activations * self.scales.to(activations.device)[:, None]

    @torch.no_grad()
    def encode(self, scaled: Tensor) -> Tensor:
        """Codes float32 [n, F] of scaled activations [n, A, d]."""
        return self.sae.encode(scaled.flatten(1))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Scaled activations float32 [n, A, d] of codes [n, F]."""
        return self.sae.decode(codes).unflatten(1, (len(self.agents), -1))


def as_crosscoder(sae: SAE[Any]) -> Crosscoder:
    """The crosscoder that an SAE loaded from a crosscoder's folder is."""
    metadata = sae.cfg.metadata
    return Crosscoder(sae, tuple(metadata.agents), torch.tensor(metadata.scales))


def load_crosscoder(path: Path, device: str = "cpu") -> Crosscoder:
    """The crosscoder saved at ``path``. Raises UserError when it is damaged."""
    return as_crosscoder(load_sae(path, device))
