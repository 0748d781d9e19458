"""What a benchmark gives: rows with a baseline and a floor; and the means of measuring them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import torch

REPEATS = 3
MATRIX = 1024
"""Side of the matrices whose product is the ceiling of arithmetic."""


@dataclass(frozen=True)
class Row:
    """One figure.

    benchmark, case: what was measured. value, unit: the figure. better: whether more or less of
    it is wanted. baseline, baseline_value: the name and the figure of what it is held against,
    in the same unit, from the same run. floor: the best that the machine could do, in the same
    unit, and floor_of: what that is computed from.
    """

    benchmark: str
    case: str
    value: float
    unit: str
    baseline: str = ""
    baseline_value: float | None = None
    floor: float | None = None
    floor_of: str = ""
    better: Literal["more", "less"] = "more"

    @property
    def ratio(self) -> float | None:
        """Times better than the baseline; above 1 is better."""
        return self._quotient(self.baseline_value)

    @property
    def of_floor(self) -> float | None:
        """Share of the best that the machine could do, 0 to 1."""
        return self._quotient(self.floor)

    def _quotient(self, other: float | None) -> float | None:
        if not other:
            return None
        return self.value / other if self.better == "more" else other / self.value

    def as_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return {**asdict(self), "ratio": self.ratio, "of_floor": self.of_floor}


def seconds(
    work: Callable[[], object], repeats: int = REPEATS, within: float = float("inf")
) -> float:
    """The fastest of a few repeats: what disturbs a measurement only ever adds to it.

    within: seconds after which none is begun any more.
    """
    spent: list[float] = []
    while len(spent) < repeats and sum(spent) < within:
        began = time.perf_counter()
        work()
        synchronize()
        spent.append(time.perf_counter() - began)
    return min(spent)


def side_by_side(works: Sequence[Callable[[], object]], repeats: int = REPEATS) -> list[float]:
    """Seconds of the processor that each of several works takes; on a GPU, of the clock.

    The fastest of a few turns, in which all take part: so other work on the machine, which
    shares its caches and memory, slows them alike.
    """
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    fastest = [float("inf")] * len(works)
    for _ in range(repeats):
        for index, work in enumerate(works):
            began = clock()
            work()
            synchronize()
            fastest[index] = min(fastest[index], clock() - began)
    return fastest


def device() -> torch.device:
    """Where models run."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def synchronize() -> None:
    """Wait until the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def matrix_flops(dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product on the device: the ceiling of everything arithmetic.

    float32 is measured as PyTorch multiplies it now, in TF32 or in full.
    """
    return _matrix_flops(dtype, torch.backends.cuda.matmul.allow_tf32)


@cache
def _matrix_flops(dtype: torch.dtype, tf32: bool) -> float:
    size = MATRIX if device().type == "cpu" else 8 * MATRIX
    a, b = (torch.randn(size, size, device=device()).to(dtype) for _ in range(2))
    # A processor that emulates a format takes seconds for a product.
    seconds(lambda: a @ b, 3, within=0.5)
    return 2 * size**3 / seconds(lambda: a @ b, 10, within=1.0)


@cache
def copied_bytes() -> float:
    """Bytes a second of copying a large array within memory, on one thread."""
    # Not zeros: the pages of an array never written to are all one page.
    source, target = np.ones(1 << 27, dtype=np.uint8), np.ones(1 << 27, dtype=np.uint8)
    return source.nbytes / seconds(lambda: np.copyto(target, source), 5)
