"""What rows are drawn from: the cells of two tables, by split, and the links between alphabets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.aliases.operations import OPERATIONS, Operation, Values
from world.aliases.options import HoldOut, Linked, OperationName
from world.core.hashing import mix
from world.core.sampling import too_small

TEST, SAE = 1, 2
_CELLS, _HALF, _DERANGED = (np.uint64(salt << 40) for salt in (1, 2, 3))
_TAGGED = np.uint64(5 << 40)
EXCEPTIONS = 3
"""Of so many links that are tagged unreliable, one is true all the same."""


@dataclass(frozen=True)
class Material:
    """The tables and links of a world. p: its modulus.

    held_out: shares of the cells of the table of numbers and of that of aliases, half of them for
    the split test and half for sae. drawing: another number holds out other cells. joined: what
    is trained on in one table is in the other as well.
    """

    modulus: int
    name: OperationName
    held_out: tuple[float, float]
    hold_out: HoldOut
    links: Linked
    drawing: int
    joined: bool

    @property
    def operation(self) -> Operation:
        """What is done to two numbers."""
        return OPERATIONS[self.name]

    @cached_property
    def table(self) -> Values:
        """int64 [p, p]: z for every x and y."""
        return self.operation.table(self.modulus)

    @cached_property
    def orbits(self) -> Values:
        """int64 [p, p]: the number of the first twin of each cell."""
        return self.operation.orbits(self.modulus)

    @cached_property
    def splits(self) -> NDArray[np.uint8]:
        """uint8 [2, p, p]: the split of each cell of the two tables.

        As many cells are held out as the shares say, to a cell; of whole orbits as many as go into
        that, which may leave three. Raises UserError where one of the splits is empty.
        """
        if not self.joined:
            return self.apart
        both = np.where((self.apart == 0).any(axis=0), 0, self.apart[0])
        return np.stack([both, both]).astype(np.uint8)

    @cached_property
    def apart(self) -> NDArray[np.uint8]:
        """uint8 [2, p, p]: the same before any joining."""
        return np.stack([self._split(table) for table in range(2)])

    def _split(self, table: int) -> NDArray[np.uint8]:
        size = self.modulus**2
        groups = np.arange(size) if self.hold_out == "cells" else self.orbits.ravel()
        _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        order = np.argsort(self._lots(_CELLS, len(sizes), table), kind="stable")
        held_out = order[_filling(sizes[order], round(self.held_out[table] * size))]
        split_of_group = np.zeros(len(sizes), dtype=np.uint8)
        split_of_group[held_out] = SAE
        total = int(sizes[held_out].sum())
        split_of_group[held_out[_filling(sizes[held_out], total - total // 2)]] = TEST
        if len(set(split_of_group.tolist())) < 3:
            raise too_small("few cells to hold out so many")
        return split_of_group[group].reshape(self.modulus, self.modulus)

    def _lots(self, salt: np.uint64, count: int, table: int = 0) -> NDArray[np.uint64]:
        """uint64 [count], as if drawn by chance, another series for each salt and table."""
        series = mix(np.full(count, 2 * self.drawing + table, dtype=np.uint64) + salt)
        return mix((series + np.arange(count, dtype=np.uint64)).astype(np.uint64))

    @cached_property
    def cells(self) -> tuple[tuple[Values, ...], ...]:
        """By table and split, int64 [n, 2]: x and y."""
        return tuple(
            tuple(np.argwhere(of_table == split) for split in range(3)) for of_table in self.splits
        )

    @cached_property
    def partner(self) -> Values:
        """int64 [p]: the number whose alias each number is linked with, by default its own."""
        partner = np.arange(self.modulus)
        cycle = np.argsort(self._lots(_DERANGED, self.modulus), kind="stable")
        if self.links == "tagged":
            cycle = cycle[~self.reliable[cycle]]
            cycle = cycle[len(cycle) // EXCEPTIONS :]
        elif self.links != "deranged":
            return partner
        # One cycle through all of them leaves none where it was.
        partner[cycle] = np.roll(cycle, -1)
        return partner

    @cached_property
    def reliable(self) -> NDArray[np.bool_]:
        """bool [p]: numbers whose links are tagged reliable, half of them; all where links have no
        tags."""
        if self.links != "tagged":
            return np.ones(self.modulus, dtype=np.bool_)
        order = np.argsort(self._lots(_TAGGED, self.modulus), kind="stable")
        return np.isin(np.arange(self.modulus), order[: self.modulus // 2])

    @cached_property
    def number_of(self) -> Values:
        """int64 [p]: the number that each alias is linked with."""
        return np.argsort(self.partner)

    @cached_property
    def linked(self) -> Values:
        """int64 [n]: numbers that are linked with an alias at all."""
        if self.links != "half":
            return np.arange(self.modulus)
        lots = self._lots(_HALF, self.modulus)
        return np.sort(np.argsort(lots, kind="stable")[: self.modulus // 2])

    @cached_property
    def twins(self) -> NDArray[np.int64]:
        """int64 [2, p, p]: of each cell, how many others of its orbit are trained on."""
        trained = self.splits == 0
        counts = [
            np.bincount(self.orbits[of_table], minlength=self.modulus**2)[self.orbits]
            for of_table in trained
        ]
        return np.stack(counts) - trained


def _filling(sizes: Values, wanted: int) -> NDArray[np.bool_]:
    """bool [n]: those of the sizes, from the first on, that go into what is wanted."""
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    for index, size in enumerate(sizes.tolist()):
        if size <= wanted:
            chosen[index] = True
            wanted -= size
        if not wanted:
            break
    return chosen
