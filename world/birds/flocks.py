"""Drawing birds: the flocks of a quiz, each of a kind and of one split.

Every bird is drawn from all states alike, and the whole flock again until it is of the kind that is
wanted, so that all flocks of a kind are equally likely, as in the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from world.birds.flight import Sky, apart
from world.birds.hashing import flock_hash, quiz_hash, state_keys
from world.birds.reading import read
from world.core.sampling import too_small
from world.core.world import SHARES, split_by_hash

APART, OVERLAPPING = "apart", "overlapping"
KINDS = (APART, OVERLAPPING)
"""Of quizzes: no cell is covered twice, in neither frame; some is, and yet each frame alone tells
the state of every bird."""
RAREST_FLOCKS = 1e-3
"""Below this chance of drawing a flock whose birds are apart, a grid is held to be too crowded."""
OVERLAPPING_SHARE = 0.2
"""About what part of flocks of three is of this kind; it decides how many are drawn at a time."""
MOST_DRAWN = 50_000
"""Flocks drawn at a time."""
HOPELESS, MOST_TRIED = 200_000, 50_000_000
"""After so many without one of the kind, and after so many in all, drawing is given up."""
MOST_LISTED = 500_000
"""Flocks of different states; where there are more, nobody counts those that are apart."""

States = NDArray[np.int64]


@dataclass(frozen=True)
class Flocks:
    """Flocks of some birds in a sky, in as many of ``colours`` colours, and where they are some
    steps later."""

    sky: Sky
    birds: int
    colours: int
    speed: int

    @property
    def share_apart(self) -> float:
        """About which part of all flocks has birds that are apart in both frames."""
        pairs = self.birds * (self.birds - 1) // 2
        return float(apart(self.sky, self.speed).mean() ** pairs)

    def draw(
        self, rng: np.random.Generator, count: int, split: int, kind: str
    ) -> tuple[States, States]:
        """Of ``count`` flocks of a kind and split (its index) the states in the first frame and the
        colours, int64 [count, birds], both in the order in which they are painted.

        Raises UserError where there are none.
        """
        share = self.share_apart if kind == APART else OVERLAPPING_SHARE
        kept: list[tuple[States, States]] = [(np.zeros((0, self.birds), dtype=np.int64),) * 2]
        missing, tried = count, 0
        while missing > 0:
            wanted = int(1.1 * missing / (SHARES[split] * share)) + 16
            tries = min(wanted, MOST_DRAWN)
            kept.append(self._of_kind(rng, tries, split, kind))
            missing -= len(kept[-1][0])
            tried += tries
            if missing > 0 and tried > (HOPELESS if missing == count else MOST_TRIED):
                raise too_small(f"few flocks of the task {kind!r}")
        states, colours = (np.concatenate(each)[:count] for each in zip(*kept, strict=True))
        return states, colours

    def _of_kind(
        self, rng: np.random.Generator, tries: int, split: int, kind: str
    ) -> tuple[States, States]:
        """Those of so many random flocks that are of the kind and split."""
        states = rng.integers(len(self.sky.states), size=(tries, self.birds))
        if kind == APART:
            states = states[self._are_apart(states)]
            hashes = flock_hash(state_keys(self.sky, self.speed), states)
            states = states[split_by_hash(hashes) == split]
            return states, self._coloured(rng, len(states))
        colours = self._coloured(rng, tries)
        overlapping = np.flatnonzero(~self._are_apart(states))
        states, colours = states[overlapping], colours[overlapping]
        frames = self.paint(states, colours)
        good = self._are_told(frames)
        good &= split_by_hash(quiz_hash(self.sky, frames, self.colours)) == split
        return states[good], colours[good]

    def _coloured(self, rng: np.random.Generator, count: int) -> States:
        """int64 [count, birds]: different colours, ascending, each set of them as likely."""
        lots = rng.random((count, self.colours))
        return np.sort(lots.argsort(axis=1)[:, : self.birds] + 1, axis=1)

    def paint(self, states: States, colours: States) -> NDArray[np.unsignedinteger]:
        """[n, 2, G]: the first and the last frame of flocks."""
        dtype = np.min_scalar_type(self.colours)
        later = np.where(states >= 0, self.sky.after(self.speed)[states], -1)
        return np.stack([self.sky.paint(s, colours, dtype) for s in (states, later)], axis=1)

    def _are_apart(self, states: States) -> NDArray[np.bool_]:
        """bool [n]: flocks in which no cell is covered twice, in neither frame."""
        table = apart(self.sky, self.speed)
        good = np.ones(len(states), dtype=np.bool_)
        for one, other in combinations(range(self.birds), 2):
            good &= table[states[:, one], states[:, other]]
        return good

    def _are_told(self, frames: NDArray[np.unsignedinteger]) -> NDArray[np.bool_]:
        """bool [n]: quizzes [n, 2, G] of which each frame tells the states of all birds."""
        good = np.ones(len(frames), dtype=np.bool_)
        for frame in frames.swapaxes(0, 1):
            reading = read(self.sky, frame, self.colours)
            good &= reading.told & ((reading.cells > 0).sum(axis=1) == self.birds)
        return good


@lru_cache(maxsize=8)
def flocks_apart(flocks: Flocks) -> tuple[int, ...] | None:
    """By split, how many flocks whose birds are apart are different, up to colours and reflections;
    None where there are too many to count."""
    states = len(flocks.sky.states)
    if comb(states, flocks.birds) > MOST_LISTED:
        return None
    every = np.array(list(combinations(range(states), flocks.birds)))
    distinct = every[flocks._are_apart(every)]
    hashes = np.unique(flock_hash(state_keys(flocks.sky, flocks.speed), distinct))
    return tuple(np.bincount(split_by_hash(hashes), minlength=len(SHARES)).tolist())
