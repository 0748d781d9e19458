"""Shift: every letter becomes the next of the alphabet, the last one the first."""

import numpy as np

from world.strings.task import Strings, StringTask, string_tasks


@string_tasks.register("shift")
class Shift(StringTask):
    """abc becomes bcd."""

    def apply(self, strings: Strings, letters: int) -> Strings:
        return np.where(strings > 0, strings % letters + 1, 0).astype(np.uint8)

    def verify(self, x: list[int], fx: list[int], letters: int) -> bool:
        alphabet = [*range(1, letters + 1), 1]
        return fx == [alphabet[alphabet.index(value) + 1] for value in x]
