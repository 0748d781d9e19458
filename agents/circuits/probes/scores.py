"""How well predictions tell what is true, on all quizzes and on resamples of them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.special import logsumexp

from agents.circuits.probes.targets import Kind

AT_ONCE = 32
"""Resamples whose weights of every token are in memory together."""


def resampled_scores(
    kind: Kind,
    y: Float[NDArray[np.float64], " N"],
    predicted: Float[NDArray[np.float64], "N k"],
    fold: Int[NDArray[np.int64], " N"],
    group: Int[NDArray[np.int64], " N"],
    weights: Float[NDArray[np.float64], "R G"],
) -> dict[str, Float[NDArray[np.float64], " R"]]:
    """Scores by name, under each of R weightings of the groups; NaN where there is none.

    weights: of the groups; the first row must leave none out.

    Of a number: r2, the share of its variance that is told. Of classes 0 .. k - 1, whose
    log-probabilities are predicted up to a constant: auroc, the chance that a token of a class has
    higher odds of it than a token of another, both from one fold, the mean over classes (of two,
    over the higher); balanced_accuracy, the share of a class told, the mean over classes.
    """
    if kind == "number":
        return {"r2": _r2(y, predicted[:, 0], group, weights)}
    truth = y.astype(np.int64)
    return {
        "auroc": _auroc(truth, predicted, fold, group, weights),
        "balanced_accuracy": _balanced_accuracy(truth, predicted, group, weights),
    }


def _sums(
    columns: NDArray[np.float64], group: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[c, R]: weighted sums over tokens of each column [c, N]."""
    of_groups = [np.bincount(group, column, minlength=weights.shape[1]) for column in columns]
    return np.stack(of_groups) @ weights.T


def _r2(
    y: NDArray[np.float64],
    predicted: NDArray[np.float64],
    group: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    centred = y - y.mean()
    columns = np.stack([(y - predicted) ** 2, centred**2, centred, np.ones_like(y)])
    error, square, total, count = _sums(columns, group, weights)
    return 1 - _ratio(error, square - _ratio(total**2, count))


def _balanced_accuracy(
    truth: NDArray[np.int64],
    predicted: NDArray[np.float64],
    group: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    member = (truth == np.arange(predicted.shape[1])[:, None]).astype(np.float64)
    hits = member * (predicted.argmax(axis=1) == truth)
    return _mean(_ratio(_sums(hits, group, weights), _sums(member, group, weights)))


def _auroc(
    truth: NDArray[np.int64],
    predicted: NDArray[np.float64],
    fold: NDArray[np.int64],
    group: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    k = predicted.shape[1]
    by_class = []
    for c in range(1 if k == 2 else 0, k):
        odds = predicted[:, c] - logsumexp(np.delete(predicted, c, axis=1), axis=1)
        won, pairs = np.zeros((2, len(weights)))
        for number in np.unique(fold):
            rows = fold == number
            more = _won(odds[rows], truth[rows] == c, group[rows], weights)
            won, pairs = won + more[0], pairs + more[1]
        by_class.append(_ratio(won, pairs))
    return _mean(np.stack(by_class))


def _won(
    odds: NDArray[np.float64],
    positive: NDArray[np.bool_],
    group: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[R] each: weight of the pairs in which the positive token is the higher (ties count half),
    and of all pairs."""
    order = np.argsort(odds)
    ordered, positive, group = odds[order], positive[order], group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    won, pairs = [], []
    for part in np.split(weights, range(AT_ONCE, len(weights), AT_ONCE)):
        of_token = part[:, group]
        high = np.add.reduceat(of_token * positive, starts, axis=1)
        low = np.add.reduceat(of_token * ~positive, starts, axis=1)
        below = low.cumsum(axis=1) - low / 2
        won.append((high * below).sum(axis=1))
        pairs.append(high.sum(axis=1) * low.sum(axis=1))
    return np.concatenate(won), np.concatenate(pairs)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the classes that there are; NaN under a weighting that lacks one of them."""
    present = values[~np.isnan(values[:, 0])]
    return present.mean(axis=0) if len(present) else np.full(values.shape[1], np.nan)
