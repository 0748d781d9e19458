"""Nulls: what correlation of features remains when two agents see different quizzes.

A null is a function of the rows and a generator that returns a permutation of the rows; one
agent's codes are permuted by it, the other's are not. One null is one file in this package.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sae.harvest import TokenRows
from world import Registry

Null = Callable[[TokenRows, np.random.Generator], NDArray[np.int64]]

nulls: Registry[Null] = Registry("null", "sae.nulls")

__all__ = ["Null", "nulls"]
