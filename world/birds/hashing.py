"""A quiz of birds without what does not matter: which bird has which colour, and how the grid lies.

The hash of a colour is made of the cells that it has in both frames, so that colours may be
exchanged; that of a quiz is the least of those of its reflections.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from world.birds.flight import Sky
from world.core.hashing import mix


@lru_cache(maxsize=32)
def _keys(sky: Sky) -> NDArray[np.uint64]:
    """uint64 [4, 2, G]: a number for each cell of both frames, as each reflection has them."""
    numbers = mix(np.arange(1, 2 * sky.cell_count + 1, dtype=np.uint64))
    return np.asarray(numbers.reshape(2, -1)[:, sky.reflected].swapaxes(0, 1))


def quiz_hash(sky: Sky, frames: NDArray[np.unsignedinteger], colours: int) -> NDArray[np.uint64]:
    """uint64 [B] of frames [B, 2, G] in colours 1 .. ``colours``, whatever they show."""
    keys = _keys(sky).reshape(4, -1)
    flat = frames.reshape(len(frames), keys.shape[1])
    total = np.zeros((len(frames), 4), dtype=np.uint64)
    for colour in range(1, colours + 1):
        own = flat == colour
        rows = np.flatnonzero(own.any(axis=1))
        total[rows] += mix(own[rows].astype(np.uint64) @ keys.T)
    return np.asarray(mix(total).min(axis=1))


@lru_cache(maxsize=32)
def state_keys(sky: Sky, speed: int) -> NDArray[np.uint64]:
    """uint64 [S, 4]: what a bird adds to a quiz's hash, by its state in the first frame."""
    now, later = sky.cells, sky.cells[sky.after(speed)]
    first, last = _keys(sky).swapaxes(0, 1)
    sums = first[:, now].sum(axis=2) + last[:, later].sum(axis=2)
    return np.asarray(mix(sums).T)


def flock_hash(keys: NDArray[np.uint64], states: NDArray[np.int64]) -> NDArray[np.uint64]:
    """uint64 [B]: the same of birds in states [B, k] that share no cell in either frame.

    keys: ``state_keys``. It paints nothing, which makes it the faster.
    """
    return np.asarray(mix(keys[states].sum(axis=1)).min(axis=1))
