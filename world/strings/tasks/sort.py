"""Sort: the letters in the order of the alphabet."""

from collections import Counter
from itertools import pairwise

import numpy as np

from world.strings.task import Strings, StringTask, string_tasks


@string_tasks.register("sort")
class Sort(StringTask):
    """cab becomes abc."""

    def apply(self, strings: Strings, letters: int) -> Strings:
        # Padding sorts behind every letter, and becomes zero again.
        ordered = np.sort(np.where(strings > 0, strings, letters + 1), axis=1)
        return np.where(ordered > letters, 0, ordered).astype(np.uint8)

    def verify(self, x: list[int], fx: list[int], letters: int) -> bool:
        return Counter(x) == Counter(fx) and all(a <= b for a, b in pairwise(fx))
