"""Reverse: the letters from the last to the first."""

import numpy as np

from world.strings.task import Strings, StringTask, lengths, string_tasks


@string_tasks.register("reverse")
class Reverse(StringTask):
    """abc becomes cba."""

    def apply(self, strings: Strings, letters: int) -> Strings:
        places = lengths(strings)[:, None] - 1 - np.arange(strings.shape[1])
        turned = np.take_along_axis(strings, np.maximum(places, 0), axis=1)
        return np.where(places >= 0, turned, 0).astype(np.uint8)

    def verify(self, x: list[int], fx: list[int], letters: int) -> bool:
        return len(x) == len(fx) and all(a == b for a, b in zip(x, reversed(fx), strict=True))
