"""The nulls for learning of a run: lookups of as many training quizzes as its agents saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.evaluation import wilson_interval
from culture_sim.population.copying import CopyingLookup
from culture_sim.population.exams import (
    exam_beyond,
    first_draw,
    first_epoch_recombined,
    stopping_test,
)
from culture_sim.population.lookup import ByHeart, Lookup, lookup_of
from culture_sim.run.config import RunConfig
from culture_sim.run.lookup import (
    CopyingScores,
    LookupScores,
    lookup_is_scored,
    read_lookup,
    write_lookup,
)
from culture_sim.run.run import Run
from culture_sim.run.state import BEYOND
from world import QuizBatch, QuizWorld, Stream, concatenate

MOST_QUIZZES = 300_000
"""Training quizzes that are looked up in at most: of 10x10 grids with three rectangles they take
2.3 GB and 45 ms a question."""
COPIED = 400
"""Quizzes of the test that the lookup that copies is asked: each takes it some 40 ms."""


def score_lookup(run: Run) -> None:
    """Examine lookups of as many training quizzes as the agents saw, MOST_QUIZZES at most, and
    write their scores.

    No scores where the world has no pairs or rules, and of imported agents; nothing is done where
    they are there.
    """
    config, world = run.config, run.config.world
    if any((state := run.agent_state(agent)) and state.imported for agent in run.agents):
        write_lookup(run, None)  # nobody knows which pairs these have seen
        return
    most = MOST_QUIZZES // config.agents
    counts = [min(_first_quizzes(run, agent), most) for agent in run.agents]
    known = read_lookup(run) if lookup_is_scored(run) else None
    if known and known.quizzes == sum(counts):
        return
    if not isinstance(world, QuizWorld):
        write_lookup(run, None)
        return
    streams = [Stream(config.seed, "", agent=agent) for agent in run.agents]
    # Agents draw some tasks more often for a time; so many quizzes of all alike are as many pairs.
    drawn = [first_draw(config, s)(0, n) for s, n in zip(streams, counts, strict=True)]
    lookup = lookup_of(world, concatenate(drawn))
    write_lookup(run, None if lookup is None else _scores(config, lookup, sum(counts)))


def _first_quizzes(run: Run, agent: int) -> int:
    """Quizzes that an agent learned from before it met culture."""
    state = run.agent_state(agent)
    if state is None:
        return 0
    first = [entry["quizzes"] for entry in state.course if entry["round"] == 0]
    return int(first[0]) if first else state.quizzes


def _scores(config: RunConfig, lookup: Lookup | ByHeart, quizzes: int) -> LookupScores:
    test = stopping_test(config)
    recombined = first_epoch_recombined(config, Stream(config.seed, "", agent=0))
    right = lookup.correct(test)
    low, high = wilson_interval(int(right.sum()), len(test))
    return LookupScores(
        quizzes=quizzes,
        pairs=lookup.known,
        accuracy=float(right.mean()),
        low=low,
        high=high,
        by_task=_by_task(config, test, right),
        recombined=float(lookup.correct(recombined).mean()) if len(recombined) else None,
        copying=_copying(config, lookup, test) if isinstance(lookup, Lookup) else None,
    )


def _copying(config: RunConfig, lookup: Lookup, test: QuizBatch) -> CopyingScores:
    """Of the same pairs, on COPIED quizzes of the test at most."""
    rng = Stream(config.seed, "copying").generator()
    asked = test[np.sort(rng.permutation(len(test))[:COPIED])]
    right = CopyingLookup(lookup.world, lookup.pairs).correct(asked)
    low, high = wilson_interval(int(right.sum()), len(asked))
    other, new = (_copying_beyond(config, lookup, what) for what in BEYOND)
    by_task = _by_task(config, asked, right)
    return CopyingScores(len(asked), float(right.mean()), low, high, by_task, other, new)


def _copying_beyond(config: RunConfig, lookup: Lookup, what: str) -> float | None:
    """The same on COPIED / 2 quizzes at most of what the world never shows; None without."""
    exam = exam_beyond(config, what)
    if exam is None:
        return None
    assert isinstance(exam.world, QuizWorld)
    copying = CopyingLookup(exam.world, lookup.pairs)
    return float(copying.correct(exam.quizzes[: COPIED // 2]).mean())


def _by_task(config: RunConfig, exam: QuizBatch, right: NDArray[np.bool_]) -> dict[str, float]:
    of_tasks = ((name, exam.task == index) for index, name in enumerate(config.world.tasks))
    return {name: float(right[rows].mean()) for name, rows in of_tasks if rows.any()}
