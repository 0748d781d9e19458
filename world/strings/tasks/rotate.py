"""Rotate: the first letter moves to the end."""

import numpy as np

from world.strings.task import Strings, StringTask, lengths, string_tasks


@string_tasks.register("rotate")
class Rotate(StringTask):
    """abc becomes bca."""

    def apply(self, strings: Strings, letters: int) -> Strings:
        moved = np.zeros_like(strings)
        moved[:, :-1] = strings[:, 1:]
        moved[np.arange(len(strings)), lengths(strings) - 1] = strings[:, 0]
        return moved

    def verify(self, x: list[int], fx: list[int], letters: int) -> bool:
        return fx == x[1:] + x[:1]
