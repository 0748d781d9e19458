"""Flocks of which one bird is changed and the others are as they were."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.birds.flight import Sky, apart

BIRD, HEADING = "bird", "heading"
CHANGES = (BIRD, HEADING)
"""Of one bird: any other state, or the same head with another heading."""
TRIES = 30
"""Changes that are tried for a flock."""


def changed(
    sky: Sky, speed: int, states: NDArray[np.int64], kind: str, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Flocks [n, k] with one bird changed, and whether a change was found for each, bool [n].

    states: of birds that are apart, -1 for none. They stay apart in both frames.
    """
    other, table = states.copy(), apart(sky, speed)
    rows = np.arange(len(states))
    bird = (rng.random(states.shape) * (states >= 0)).argmax(axis=1)
    mine = np.arange(states.shape[1]) == bird[:, None]
    todo = rows
    for _ in range(TRIES):
        old = states[todo, bird[todo]]
        new = _drawn(sky, old, kind, rng)
        alone = table[new[:, None], states[todo]] | (states[todo] < 0) | mine[todo]
        good = (new >= 0) & (new != old) & alone.all(axis=1)
        other[todo[good], bird[todo[good]]] = new[good]
        todo = todo[~good]
    return other, np.asarray((other != states).any(axis=1))


def _drawn(
    sky: Sky, old: NDArray[np.int64], kind: str, rng: np.random.Generator
) -> NDArray[np.int64]:
    """int64 [n]: a state for each, by chance; -1 where there is none."""
    if kind == BIRD:
        return rng.integers(len(sky.states), size=len(old))
    row, column = sky.states[old, :2].T
    down, right = rng.integers(2, size=(2, len(old)))
    return sky.number[row, column, down, right]
