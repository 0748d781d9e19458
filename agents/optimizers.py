"""The optimisers an agent can learn with, and how their state becomes plain tensors.

Muon (K. Jordan, 2024) orthogonalises the momentum of each matrix; embeddings, norms and the
output layer are left to AdamW, as its author advises. Weight decay is done here for all of
them: both would decay matrices alike, and neither spares vectors.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn, optim

from agents.config import TrainConfig
from agents.muon import Muon

COOLEST = 0.25
"""Least share of the learning rates."""


def make_optimizers(
    model: nn.Module, config: TrainConfig, newton_schulz: torch.dtype = torch.float32
) -> dict[str, optim.Optimizer]:
    """Optimisers by name; together they own every parameter exactly once.

    newton_schulz: the number format in which Muon orthogonalises.
    """
    if config.optimizer == "adam":
        return {"adam": optim.Adam(model.parameters(), lr=config.learning_rate, foreach=True)}
    matrices = [p for n, p in model.named_parameters() if n.startswith("blocks.") and p.ndim == 2]
    owned = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in owned]
    return {
        "muon": Muon(matrices, config.learning_rate, config.momentum, newton_schulz),
        "adamw": optim.AdamW(
            rest, lr=config.adam_learning_rate, betas=(0.9, 0.98), weight_decay=0.0, foreach=True
        ),
    }


def set_learning_rate(
    optimizers: dict[str, optim.Optimizer], config: TrainConfig, step: int, share: float = 1.0
) -> None:
    """A share of the configuration's rates, after a linear warm-up; step counts from 0."""
    scale = share * min(1.0, (step + 1) / max(1, config.warmup_steps))
    for name, optimizer in optimizers.items():
        rate = config.adam_learning_rate if name == "adamw" else config.learning_rate
        for group in optimizer.param_groups:
            group["lr"] = rate * scale


def decay_weights(optimizers: dict[str, optim.Optimizer], weight_decay: float) -> None:
    """Take a share of the weights away, before a step: the present learning rate of each times
    ``weight_decay`` (I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019).

    Of matrices that have a gradient; vectors, such as the gains of norms, are left as they are.
    """
    if not weight_decay:
        return
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            matrices = [p for p in group["params"] if p.ndim > 1 and p.grad is not None]
            if matrices:
                with torch.no_grad():
                    torch._foreach_mul_(matrices, 1.0 - group["lr"] * weight_decay)


def cooled(accuracy: float, cooling: float) -> float:
    """The share of the learning rates at an accuracy, from COOLEST to 1.

    It falls with the square root of the error, once that is below ``cooling``; 0: never. What is
    left to learn near the target is small, and the steps of a constant rate undo it.
    """
    error = 1.0 - accuracy
    return max(COOLEST, sqrt(error / cooling)) if error < cooling else 1.0


def optimizer_tensors(optimizers: dict[str, optim.Optimizer]) -> dict[str, Tensor]:
    """Every state tensor as "optimizer/parameter index/key" (safetensors holds no nesting)."""
    tensors = {}
    for name, optimizer in optimizers.items():
        for index, entries in optimizer.state_dict()["state"].items():
            for key, value in entries.items():
                tensors[f"{name}/{index}/{key}"] = torch.as_tensor(value)
    return tensors


def load_optimizer_tensors(
    optimizers: dict[str, optim.Optimizer], tensors: dict[str, Tensor]
) -> None:
    """Inverse of optimizer_tensors."""
    for name, optimizer in optimizers.items():
        state: dict[int, dict[str, Tensor]] = {}
        for path, value in tensors.items():
            owner, index, key = path.split("/")
            if owner == name:
                state.setdefault(int(index), {})[key] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
