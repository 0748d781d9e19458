"""What a rule on strings is: how it rewrites whole batches, and an independent check of it.

The rule is applied to arrays, the check reads one pair of strings as Python lists, so that a
mistake in the one is not repeated in the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from world.core.registry import Registry

Strings = NDArray[np.uint8]
"""[n, L + 1]: letters 1 .. A, then zeros up to the end; the last place is free in a question."""


class StringTask(ABC):
    """A rule that makes one string of another. A letters in the alphabet."""

    @abstractmethod
    def apply(self, strings: Strings, letters: int) -> Strings:
        """The image of each string; letters: A."""

    @abstractmethod
    def verify(self, x: list[int], fx: list[int], letters: int) -> bool:
        """Whether ``fx`` is what the rule makes of ``x``, both without padding."""


string_tasks: Registry[type[StringTask]] = Registry("string task", "world.strings.tasks")


def lengths(strings: Strings) -> NDArray[np.int64]:
    """int64 [n]: letters of each string, up to its first zero."""
    ended = np.concatenate([strings == 0, np.ones((len(strings), 1), dtype=np.bool_)], axis=1)
    return ended.argmax(axis=1)


def read(string: NDArray[np.integer]) -> list[int]:
    """The letters of one string without padding."""
    values = string.tolist()
    return values[: values.index(0)] if 0 in values else values
