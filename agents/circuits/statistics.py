"""Means of effects per prompt: their intervals, what chance gives, and many of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.stats import false_discovery_control
from torch import Tensor


@dataclass(frozen=True)
class Interval:
    """A mean over prompts and the ends of its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


def interval(
    values: Float[Tensor, " B"], rng: np.random.Generator, resamples: int = 2000
) -> Interval:
    """Of the mean, by resampling prompts with replacement (percentiles)."""
    x = values.double().cpu().numpy()
    weights = rng.multinomial(len(x), np.full(len(x), 1 / len(x)), size=resamples)
    low, high = np.quantile(weights @ x / len(x), [0.025, 0.975])
    return Interval(float(x.mean()), float(low), float(high))


def sign_flip_p(
    effects: Float[NDArray[np.float64], "N B"], rng: np.random.Generator, flips: int = 9999
) -> Float[NDArray[np.float64], " N"]:
    """p of every mean of B paired differences, had each come with either sign alike.

    Two-sided, by random signs, the same for all N; at least 1 / (flips + 1). R. A. Fisher's test
    of matched pairs ("The design of experiments", 1935).
    """
    signs = rng.choice([-1.0, 1.0], size=(flips, effects.shape[1]))
    observed = np.abs(effects.mean(axis=1))
    drawn = np.abs(effects @ signs.T) / effects.shape[1]
    # What differs by rounding alone counts as equal, which is to the side of caution.
    reached = (drawn >= observed[:, None] * (1 - 1e-9)).sum(axis=1)
    return (reached + 1) / (flips + 1)


def adjusted(p: Float[NDArray[np.float64], " N"]) -> Float[NDArray[np.float64], " N"]:
    """p by Benjamini and Hochberg (1995): below q, a share q of the finds is false at most."""
    found: NDArray[np.float64] = false_discovery_control(p) if len(p) else p
    return found
