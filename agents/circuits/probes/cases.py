"""One question to probes: the tokens of one place with their truth, folds and shuffled truths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy.typing import NDArray

from agents.circuits.probes.linear import ProbeOptions
from agents.circuits.probes.scores import resampled_scores
from agents.circuits.probes.targets import Kind, Target
from world import Stream

HELD_OUT = -1
"""The fold of quizzes that no probe is fitted to."""
LEAST = 1e-12
"""Probability of a class that is never met, whose logarithm must be finite."""
Scores = dict[tuple[str, str], Float[NDArray[np.float64], " R"]]
"""By split and metric: the score, then the scores of all resamples of quizzes."""
Predictor = Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.float64]]
"""Predictions [test, k] from a mask of the tokens to fit to and one of those to predict."""


@dataclass(frozen=True)
class Case:
    """N tokens of some quizzes, in the order of quizzes.

    index: int64 [N], their rows among the activations harvested. quiz, position: int64 [N]. y:
    float64 [N], of classes their index among ``classes``. group: int64 [N], of quizzes that belong
    together. fold: int64 [N], HELD_OUT or 0 .. folds - 1.
    """

    kind: Kind
    index: Int[NDArray[np.int64], " N"]
    quiz: Int[NDArray[np.int64], " N"]
    position: Int[NDArray[np.int64], " N"]
    y: Float[NDArray[np.float64], " N"]
    classes: Shaped[NDArray[np.float64], " c"]
    group: Int[NDArray[np.int64], " N"]
    fold: Int[NDArray[np.int64], " N"]

    @property
    def askable(self) -> bool:
        """Whether what is to be learned varies, in every part of the quizzes left to learn from."""
        folds = np.unique(self.fold[self.fold != HELD_OUT])
        parts = [self.y[(self.fold != HELD_OUT) & (self.fold != f)] for f in folds]
        return len(folds) > 1 and all(len(np.unique(part)) > 1 for part in parts)

    def shuffled(self, rng: np.random.Generator) -> Case:
        """The same tokens, each quiz with the truth of another; held-out ones among themselves.

        The n-th token of a quiz gets the value of the n-th of the other, from its first again where
        that has fewer: what depends on the position alone stays as it is.
        """
        _, first, count = np.unique(self.quiz, return_index=True, return_counts=True)
        group, held = self.group[first], self.fold[first] == HELD_OUT
        donor = np.arange(len(first))
        for part in (np.flatnonzero(held), np.flatnonzero(~held)):
            _, leader, member = np.unique(group[part], return_index=True, return_inverse=True)
            donor[part] = part[leader[rng.permutation(len(leader))]][member]
        number = np.arange(len(self.y)) - np.repeat(first, count)
        row = np.repeat(first[donor], count) + number % np.repeat(count[donor], count)
        return replace(self, y=self.y[row])

    def scores(self, predict: Predictor, options: ProbeOptions) -> Scores:
        """Scores of predictions for quizzes that were not fitted to, by split and metric."""
        folds, held = np.unique(self.fold[self.fold != HELD_OUT]), self.fold == HELD_OUT
        tests = {"folds": [self.fold == f for f in folds], "held out": [held] if held.any() else []}
        found: Scores = {}
        for split, masks in tests.items():
            if masks:
                parts = [predict(~test & ~held, test) for test in masks]
                rows = np.concatenate([np.flatnonzero(test) for test in masks])
                found |= self._scored(split, rows, np.concatenate(parts), options)
        return found

    def _scored(
        self,
        split: str,
        rows: NDArray[np.int64],
        predicted: NDArray[np.float64],
        options: ProbeOptions,
    ) -> Scores:
        _, group = np.unique(self.group[rows], return_inverse=True)
        weights = _resamples(int(group.max()) + 1, options)
        scores = resampled_scores(
            self.kind, self.y[rows], predicted, self.fold[rows], group, weights
        )
        return {(split, metric): values for metric, values in scores.items()}


def case_of(
    target: Target,
    place: Bool[NDArray[np.bool_], "n T"],
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    group: Int[NDArray[np.int64], " n"],
    fold: Int[NDArray[np.int64], " n"],
) -> Case:
    """The tokens of a place that have a value, among those harvested at ``rows``."""
    quiz, position = rows
    values = target.values[rows]
    index = np.flatnonzero(place[rows] & ~np.isnan(values))
    y, classes = values[index], np.zeros(0)
    if target.kind == "class":
        classes, number = np.unique(y, return_inverse=True)
        y = number.astype(np.float64)
    quiz, position = quiz[index], position[index]
    return Case(target.kind, index, quiz, position, y, classes, group[quiz], fold[quiz])


def folds_of(
    group: Int[NDArray[np.int64], " n"],
    held_out: Bool[NDArray[np.bool_], " n"],
    options: ProbeOptions,
) -> Int[NDArray[np.int64], " n"]:
    """The fold of each quiz; a group is in one, and held out when any of its quizzes is."""
    _, number = np.unique(group, return_inverse=True)
    order = Stream(options.seed, "probe-folds").generator().permutation(int(number.max()) + 1)
    held = np.isin(group, group[held_out])
    return np.where(held, HELD_OUT, order[number] % options.folds).astype(np.int64)


def lookup(case: Case, given: Shaped[NDArray[np.generic], " N"]) -> Predictor:
    """Predicts what tokens of the same ``given`` value have on average: the best that can be told
    from it alone. One token in proportion to the whole is added to those counted."""
    _, cell = np.unique(given, return_inverse=True)
    k = max(1, len(case.classes))
    truth = np.eye(k)[case.y.astype(np.int64)] if case.kind == "class" else case.y[:, None]

    def predict(fit: NDArray[np.bool_], test: NDArray[np.bool_]) -> NDArray[np.float64]:
        total = np.zeros((int(cell.max()) + 1, k))
        np.add.at(total, cell[fit], truth[fit])
        count = np.bincount(cell[fit], minlength=len(total))[:, None]
        mean = (total + truth[fit].mean(axis=0)) / (count + 1)
        known = np.log(np.maximum(mean, LEAST)) if case.kind == "class" else mean
        return np.asarray(known[cell[test]])

    return predict


def _resamples(groups: int, options: ProbeOptions) -> NDArray[np.float64]:
    """[1 + resamples, groups]: all of them, then how often each is drawn in each resample."""
    rng = Stream(options.seed, "probe-resamples").generator()
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=options.resamples)
    return np.concatenate([np.ones((1, groups)), drawn.astype(np.float64)])
