"""A map from one agent's activations to another's that preserves lengths and angles."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 16384
"""Rows whose product is formed in float64 at a time."""


@dataclass(frozen=True)
class Alignment:
    """y - mean_y is about (x - mean_x) rotation, for activations x of one agent and y of another.

    rotation: float32 [dx, dy], orthogonal where the widths are equal. mean_x: float32 [dx].
    mean_y: float32 [dy].
    """

    rotation: Tensor
    mean_x: Tensor
    mean_y: Tensor

    def explained_variance(self, x: Tensor, y: Tensor) -> float:
        """1 - |error|^2 / |y - mean_y|^2 of activations [n, dx] and [n, dy] of the same tokens."""
        centred = y - self.mean_y
        error = centred - (x - self.mean_x) @ self.rotation
        return 1 - float(error.square().sum() / centred.square().sum())


def align(x: Tensor, y: Tensor) -> Alignment:
    """The orthogonal Procrustes map of x float32 [n, dx] to y [n, dy], rows of the same tokens.

    U V' of the singular value decomposition U S V' of x'y, both centred (P. Schönemann, "A
    generalized solution of the orthogonal Procrustes problem", 1966).
    """
    mean_x, mean_y = x.double().mean(dim=0), y.double().mean(dim=0)
    cross = torch.zeros(x.shape[1], y.shape[1], dtype=torch.float64, device=x.device)
    for left, right in zip(x.split(CHUNK), y.split(CHUNK), strict=True):
        cross += (left.double() - mean_x).T @ (right.double() - mean_y)
    u, _, v = torch.linalg.svd(cross, full_matrices=False)
    return Alignment((u @ v).float(), mean_x.float(), mean_y.float())
