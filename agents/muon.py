"""Muon with all matrices of a shape in one product, in a number format of choice.

The update is that of torch.optim.Muon, whose Newton-Schulz iteration runs in bf16 whatever the
device, one matrix after the other. Where bf16 is emulated, that is half of a training step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

A, B, C = 3.4445, -4.7750, 2.0315
"""Of the iteration: K. Jordan, "Muon", 2024, https://kellerjordan.github.io/posts/muon."""
STEPS = 5
SMALLEST_NORM = 1e-7


class Muon(Optimizer):
    """Steps along the orthogonalised Nesterov momentum of each matrix (K. Jordan, 2024).

    The step of a matrix taller than wide is longer by the root of rows over columns. A matrix's
    state is ``momentum_buffer``, of its shape and format, as torch.optim.Muon has it.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        lr: float,
        momentum: float,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """dtype: in which momenta are orthogonalised. Raises ValueError for what is no matrix."""
        super().__init__(matrices, {"lr": lr, "momentum": momentum})
        self.dtype = dtype
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.ndim != 2:
                    shape = list(matrix.shape)
                    raise ValueError(f"Muon is for matrices, got a parameter of shape {shape}")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the matrices that have a gradient. Raises ValueError for a closure."""
        if closure is not None:
            raise ValueError("Muon takes no closure")
        for group in self.param_groups:
            matrices = [matrix for matrix in group["params"] if matrix.grad is not None]
            if not matrices:
                continue
            updates = orthogonal(self._momenta(matrices, group["momentum"]), self.dtype)
            for matrix, update in zip(matrices, updates, strict=True):
                rows, columns = matrix.shape
                matrix.add_(update, alpha=-group["lr"] * sqrt(max(1.0, rows / columns)))

    def _momenta(self, matrices: Sequence[nn.Parameter], momentum: float) -> list[Tensor]:
        """Nesterov's, after the gradients have joined the buffers."""
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        for matrix in matrices:
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
        buffers = [self.state[matrix]["momentum_buffer"] for matrix in matrices]
        torch._foreach_lerp_(buffers, gradients, 1.0 - momentum)
        return list(torch._foreach_lerp(gradients, buffers, momentum))


def orthogonal(matrices: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Each matrix with singular values near 1 (0.7 to 1.2), in its own format.

    Those of one shape are orthogonalised together, in dtype; of a tall one the transpose.
    """
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, matrix in enumerate(matrices):
        alike[min(matrix.shape), max(matrix.shape)].append(index)
    found: dict[int, Tensor] = {}
    for indices in alike.values():
        wide = [_wide(matrices[index]) for index in indices]
        made = newton_schulz(torch.stack(wide).to(dtype)).to(matrices[indices[0]].dtype)
        for index, one in zip(indices, made, strict=True):
            found[index] = one if matrices[index].shape == one.shape else one.T
    return [found[index] for index in range(len(matrices))]


def newton_schulz(wide: Float[Tensor, "n rows columns"]) -> Float[Tensor, "n rows columns"]:
    """Matrices with the same singular vectors and singular values near 1, rows at most columns.

    Five steps of X <- a X + (b G + c G G) X with G = X X^T, from X of Frobenius norm 1: the
    coefficients lift small singular values fast and leave them between 0.7 and 1.2 (K. Jordan).
    """
    x = wide / wide.norm(dim=(1, 2), keepdim=True).clamp(min=SMALLEST_NORM)
    for _ in range(STEPS):
        gram = x @ x.mT
        change = torch.baddbmm(gram, gram, gram, beta=B, alpha=C)
        x = torch.baddbmm(x, change, x, beta=A)
    return x


def _wide(matrix: Tensor) -> Tensor:
    return matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
