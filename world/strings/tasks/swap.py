"""Swap: the first and the last letter change places."""

import numpy as np

from world.strings.task import Strings, StringTask, lengths, string_tasks


@string_tasks.register("swap")
class Swap(StringTask):
    """abcd becomes dbca."""

    def apply(self, strings: Strings, letters: int) -> Strings:
        swapped, rows, last = strings.copy(), np.arange(len(strings)), lengths(strings) - 1
        swapped[:, 0], swapped[rows, last] = strings[rows, last], strings[:, 0]
        return swapped

    def verify(self, x: list[int], fx: list[int], letters: int) -> bool:
        same = len(x) == len(fx) and x[1:-1] == fx[1:-1]
        return same and (x[0], x[-1]) == (fx[-1], fx[0])
