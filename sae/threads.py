"""Independent jobs side by side: SciPy and PyTorch let go of the interpreter while they compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import torch

from world.core.cores import usable_cores

T = TypeVar("T")

MOST = 8
"""Jobs at once at the most: each holds copies of its codes."""


def side_by_side(jobs: Sequence[Callable[[], T]]) -> Iterator[T]:
    """Results of the jobs in order, each on one thread, one a usable core at a time."""
    threads = max(1, min(MOST, len(jobs), usable_cores()))
    with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
        yield from pool.map(lambda job: job(), jobs)
