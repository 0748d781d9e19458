"""The quizzes of one split, and how sums over them become figures of tasks and layouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.scoring import graded_mask
from sae.activations.harvest import TokenRows
from sae.statistics.resampling import resample_weights
from world import UNKNOWN_TASK, QuizBatch, World

ALL = "all"
"""Stands for every task in a table."""
UNKNOWN = "unknown"
"""Stands for the task of quizzes that an agent made."""


@dataclass(frozen=True)
class SplitQuizzes:
    """The H quizzes of a batch that are in one split.

    index: int64 [H], which quizzes of the batch. task: int16 [H]. layout: uint8 [H].
    answer_tokens: int64 [H], how many tokens the answer has. source: int64 [H], 0 .. S - 1, equal
    for writings of one quiz.
    """

    index: NDArray[np.int64]
    task: NDArray[np.int16]
    layout: NDArray[np.uint8]
    answer_tokens: NDArray[np.int64]
    source: NDArray[np.int64]

    def of_tasks(self, world: World) -> dict[str, NDArray[np.bool_]]:
        """By name, bool [H]: all quizzes, then those of each task that occurs."""
        by_task = {ALL: np.ones(len(self.index), dtype=np.bool_)}
        for task in np.unique(self.task):
            by_task[task_name(world, int(task))] = self.task == task
        return by_task

    def groups(self) -> list[tuple[int, int]]:
        """(task, layout) of every group of quizzes that occurs, ascending."""
        return sorted(set(zip(self.task.tolist(), self.layout.tolist(), strict=True)))

    def in_groups(self, groups: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """float64 [H, G]: 1 where a quiz is in a group of task and layout."""
        member = [(self.task == task) & (self.layout == s) for task, s in groups]
        return np.stack(member, axis=1).astype(np.float64)

    def per_token(
        self, change: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Changes of loss [F, H] per answer token, float64 [F], and their standard errors [F]."""
        return self.per(self.answer_tokens, change)

    def per(
        self, size: NDArray[Any], change: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of changes [F, H] over the sum of size [H], float64 [F], and standard errors [F].

        Writings of one quiz are no independent observations: their changes are summed first.
        """
        sources = int(self.source.max(initial=-1)) + 1
        by_source = change @ (self.source[:, None] == np.arange(sources))
        error = np.sqrt(sources) * by_source.std(axis=1, ddof=1)
        return change.sum(axis=1) / size.sum(), error / size.sum()

    def resamples(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """float64 [R, H]: how often each quiz is in each bootstrap resample of quizzes."""
        return resample_weights(self.source, count, rng)


def split_quizzes(
    world: World, batch: QuizBatch, rows: TokenRows, evaluation: bool
) -> SplitQuizzes:
    """The quizzes on which figures are reported, or those on which things are selected."""
    member = np.zeros(len(batch), dtype=np.bool_)
    member[rows.quiz] = rows.evaluation == evaluation
    index = np.flatnonzero(member)
    layout = batch.layout[index]
    answer_tokens = graded_mask(world, batch[index]).sum(axis=1)
    _, source = np.unique(rows.source[index], return_inverse=True)
    return SplitQuizzes(index, batch.task[index], layout, answer_tokens, source)


def task_name(world: World, task: int) -> str:
    """A task's name in a table."""
    return UNKNOWN if task == UNKNOWN_TASK else world.tasks[task]
