"""Which birds frames show, for whole batches: every state that each colour may be in.

Birds are painted in the order of their colours, the later over the earlier. So a bird is in a state
that has all cells of its colour, and whose other cells are of later colours, under which they may
be hidden. Where no cell is hidden, its shape tells its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.birds.flight import CELLS, Sky


@dataclass(frozen=True, eq=False)
class Reading:
    """What the colours 1 .. C of N frames may be, S states.

    cells: int64 [N, C], cells of each colour. fits: bool [N, C, S], states that a bird of the
    colour may be in; none where the colour is not seen, or is no bird.
    """

    cells: NDArray[np.int64]
    fits: NDArray[np.bool_]

    @cached_property
    def is_bird(self) -> NDArray[np.bool_]:
        """bool [N, C]: a bird of the colour is seen."""
        return np.asarray(self.fits.any(axis=2))

    @cached_property
    def state(self) -> NDArray[np.int64]:
        """int64 [N, C]: the state of the bird; -1 where there is none, or more than one fits."""
        return np.where(self.fits.sum(axis=2) == 1, self.fits.argmax(axis=2), -1)

    @property
    def told(self) -> NDArray[np.bool_]:
        """bool [N]: every colour is a bird whose state is told; a frame without any is not."""
        seen = self.cells > 0
        return np.asarray((seen == (self.state >= 0)).all(axis=1) & seen.any(axis=1))

    @property
    def hidden(self) -> NDArray[np.int64]:
        """int64 [N]: cells of birds that others cover; of birds of which something is seen."""
        return np.where(self.is_bird, CELLS - self.cells, 0).sum(axis=1)


def read(sky: Sky, frames: NDArray[np.unsignedinteger], colours: int) -> Reading:
    """What frames [N, G] show in colours 1 .. ``colours``."""
    covers = sky.covers.T
    cells = np.zeros((len(frames), colours), dtype=np.int64)
    fits = np.zeros((len(frames), colours, covers.shape[1]), dtype=np.bool_)
    for colour in range(1, colours + 1):
        own = frames == colour
        cells[:, colour - 1] = count = own.sum(axis=1)
        rows = np.flatnonzero((count > 0) & (count <= CELLS))
        # A product of matrices counts the cells that a state shares with each frame.
        has = own[rows].astype(np.float32) @ covers == count[rows, None]
        covered = (frames[rows] >= colour).astype(np.float32) @ covers == CELLS
        fits[rows, colour - 1] = has & covered
    return Reading(cells, fits)
