"""One linear probe: how it is fitted, what it reads, and how a value is put along its direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from agents.circuits.probes.targets import Kind
from world.core.errors import AMOUNT, COUNT, POSITIVE, UserError, require


@dataclass(frozen=True)
class ProbeOptions:
    """How probes are fitted and scored."""

    folds: int = 5
    """Parts of the quizzes, of which each is scored by a probe fitted to the others."""
    penalty: float = 1e-2
    """Weight of the squared direction against the mean loss of a token, activations standardised;
    the loss is half the squared error, or the cross-entropy in nats."""
    permutations: int = 3
    """Times that labels are shuffled among quizzes."""
    resamples: int = 200
    """Resamples of quizzes that intervals are taken from."""
    memory: int = 2**30
    """Bytes of activations of one agent held at once; a single site may need more."""
    seed: int = 0
    """What folds, permutations and resamples are drawn from."""

    def __post_init__(self) -> None:
        require(self, "probe", COUNT, "resamples", "memory")
        require(self, "probe", POSITIVE, "penalty")
        require(self, "probe", AMOUNT, "permutations")
        if self.folds < 2:
            raise UserError(f"probe.folds must be at least 2, got {self.folds}")


@dataclass(frozen=True)
class LinearProbe:
    """k directions in activations of width d at a site.

    A number has one direction and is read in its own unit; two classes have one, read as the
    log-odds of the higher class; more have one each, read as unnormalised log-probabilities.

    mean, scale: float64 [d] of the activations fitted to; 0 where they do not vary. weight: float64
    [k, d], for (x - mean) / scale. bias: float64 [k], what is read at the mean. classes: int64, of
    none for a number.
    """

    site: str
    mean: Float[NDArray[np.float64], " d"]
    scale: Float[NDArray[np.float64], " d"]
    weight: Float[NDArray[np.float64], "k d"]
    bias: Float[NDArray[np.float64], " k"]
    classes: Int[NDArray[np.int64], " c"]

    def read(self, x: Float[NDArray[np.floating], "... d"]) -> Float[NDArray[np.float64], "... k"]:
        """What the probe reads."""
        return self.standardised(x) @ self.weight.T + self.bias

    def put(
        self, x: Float[NDArray[np.floating], "... d"], value: Float[NDArray[np.float64], "... k"]
    ) -> Float[NDArray[np.float64], "... d"]:
        """The activations nearest to ``x``, standardised, at which the probe reads ``value``.

        With one direction w the standardised activation moves by (value - read) w / |w|^2. Of
        three or more classes only the differences of ``value`` can be put.
        """
        return x + self.scale * self.move(value - self.read(x))

    def move(
        self, change: Float[NDArray[np.float64], "... k"]
    ) -> Float[NDArray[np.float64], "... d"]:
        """The shortest move of standardised activations that changes what is read."""
        return change @ np.linalg.pinv(self.weight).T

    def standardised(
        self, x: Float[NDArray[np.floating], "... d"]
    ) -> Float[NDArray[np.float64], "... d"]:
        """(x - mean) / scale, and 0 where activations do not vary."""
        inverse = np.divide(1, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        return (x - self.mean) * inverse

    def log_odds(self, x: Float[NDArray[np.floating], "N d"]) -> Float[NDArray[np.float64], "N c"]:
        """Unnormalised log-probabilities of all classes."""
        read = self.read(x)
        return np.concatenate([-read / 2, read / 2], axis=1) if len(self.classes) == 2 else read


def fit_linear(
    site: str,
    kind: Kind,
    x: Float[NDArray[np.floating], "N d"],
    y: Float[NDArray[np.float64], " N"],
    penalty: float,
) -> LinearProbe:
    """A probe fitted to the values y [N] of activations [N, d], of two classes or more."""
    mean, scale = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    # Rounding alone makes a constant column vary by the last bit of float32.
    scale = np.where(scale > 1e-6 * np.abs(mean), scale, 0.0)
    d = x.shape[1]
    empty = LinearProbe(site, mean, scale, np.zeros((1, d)), np.zeros(1), np.zeros(0, np.int64))
    z = empty.standardised(x)
    if kind == "number":
        ridge = Ridge(alpha=penalty * len(y)).fit(z, y)
        weight, bias, classes = ridge.coef_[None], np.array([ridge.intercept_]), empty.classes
    else:
        logistic = LogisticRegression(C=1 / (penalty * len(y)), max_iter=1000)
        logistic.fit(z, y.astype(np.int64))
        weight, bias, classes = logistic.coef_, logistic.intercept_, logistic.classes_
    return LinearProbe(site, mean, scale, weight, bias, classes)
