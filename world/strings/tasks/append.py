"""Append: the first letter once more at the end, which makes the string longer."""

import numpy as np

from world.strings.task import Strings, StringTask, lengths, string_tasks


@string_tasks.register("append")
class Append(StringTask):
    """abc becomes abca."""

    def apply(self, strings: Strings, letters: int) -> Strings:
        longer = strings.copy()
        longer[np.arange(len(strings)), lengths(strings)] = strings[:, 0]
        return longer

    def verify(self, x: list[int], fx: list[int], letters: int) -> bool:
        return fx[:-1] == x and fx[-1:] == x[:1]
