"""What features respond to: the quizzes that activate them most, and how strongly they fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sae.activations.harvest import TokenRows
from sae.matching.families import Family
from sae.matching.features import Features
from world import UNKNOWN_TASK, QuizBatch, World

QUIZZES = 4
"""Quizzes shown for a feature or a family."""
BINS = 16
"""Bins of a histogram of activations."""
BINS_PER_OCTAVE = 2
"""The last bin ends at the feature's maximum, and each before is narrower by this root of 2."""
LEVELS = 255
"""Activations are stored in this many steps of the feature's maximum."""

Logits = Mapping[int, "NDArray[np.float32] | None"]
"""By agent, float32 [F, V] of ``sae.logits.logit_weights``."""


@dataclass(frozen=True)
class Examples:
    """Three tables; docs/features.md has their columns.

    quizzes: every quiz that is shown, once. features: a row for each compared feature of each
    agent. families: a row for each family.
    """

    quizzes: pd.DataFrame
    features: pd.DataFrame
    families: pd.DataFrame


@dataclass(frozen=True)
class _Profile:
    """How C features of one agent fire on Q quizzes.

    highest: float32 [C]. peaks: float32 [C, Q], the highest activation in each quiz over the
    feature's highest. histogram: int64 [C, BINS].
    """

    highest: NDArray[np.float32]
    peaks: NDArray[np.float32]
    histogram: NDArray[np.int64]


def find_examples(
    families: Sequence[Family],
    features: Mapping[int, Features],
    logits: Logits,
    world: World,
    batch: QuizBatch,
    rows: TokenRows,
) -> Examples:
    """The quizzes that best activate every compared feature, and every family.

    features: by agent number, on the tokens of ``rows``, which are those of ``batch``. The codes
    of one agent at a time are turned into columns, and none is ever dense.
    """
    profiles = {agent: _profile(of_agent, rows) for agent, of_agent in features.items()}
    source = rows.source
    best = {
        agent: np.stack([_best(peaks, source) for peaks in profile.peaks])
        if len(profile.peaks)
        else np.zeros((0, QUIZZES), dtype=np.int64)
        for agent, profile in profiles.items()
    }
    places = {
        agent: {int(feature): place for place, feature in enumerate(of_agent.index)}
        for agent, of_agent in features.items()
    }
    shared = [
        _best(np.mean([profiles[a].peaks[places[a][f]] for a, f in members.items()], 0), source)
        for members in (family.members for family in families)
    ]
    wanted = _wanted(families, places, shared)
    tables: list[pd.DataFrame] = []
    lines: dict[tuple[int, int], NDArray[np.uint8]] = {}
    for agent, of_agent in features.items():
        table, of_families = _agent(
            of_agent, profiles[agent], best[agent], wanted[agent], logits[agent], batch, rows
        )
        tables.append(table.assign(agent=agent))
        lines |= {(family, agent): line for family, line in of_families.items()}
    shown = np.unique(
        np.concatenate([*(quizzes.ravel() for quizzes in best.values()), *shared, []])
    )
    whole = pd.concat(tables, ignore_index=True)
    return Examples(
        _quiz_table(shown[shown >= 0].astype(np.int64), world, batch),
        whole[["agent", *whole.columns.drop("agent")]],
        _family_table(families, shared, lines),
    )


class _Columns:
    """The activations of one feature after the other, with both splits in one order."""

    def __init__(self, features: Features, rows: TokenRows) -> None:
        splits = ((False, features.selection), (True, features.evaluation))
        self._size = features.compared
        self._splits = [
            (np.flatnonzero(rows.evaluation == split), codes.values.tocsc())
            for split, codes in splits
        ]

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """For each of the C features, the rows on which it fires, and how strongly."""
        for column in range(self._size):
            parts = [
                (order[values.indices[first:last]], values.data[first:last])
                for order, values in self._splits
                for first, last in [values.indptr[column : column + 2]]
            ]
            row, value = (np.concatenate(part) for part in zip(*parts, strict=True))
            yield row[value > 0], value[value > 0].astype(np.float32, copy=False)


def _profile(features: Features, rows: TokenRows) -> _Profile:
    highest = np.zeros(features.compared, dtype=np.float32)
    peaks = np.zeros((features.compared, rows.quizzes), dtype=np.float32)
    histogram = np.zeros((features.compared, BINS), dtype=np.int64)
    for place, (row, value) in enumerate(_Columns(features, rows)):
        highest[place] = value.max()
        level = value / highest[place]
        np.maximum.at(peaks[place], rows.quiz[row], level)
        histogram[place] = _histogram(level)
    return _Profile(highest, peaks, histogram)


def _histogram(level: NDArray[np.float32]) -> NDArray[np.int64]:
    """int64 [BINS]: activations over the highest, in (0, 1], by size; the least in the first."""
    return np.bincount(histogram_bin(level), minlength=BINS)


def histogram_bin(level: NDArray[np.float32]) -> NDArray[np.int64]:
    """int64 [n]: the bin of each of these."""
    below = np.floor(-BINS_PER_OCTAVE * np.log2(level)).astype(np.int64)
    return BINS - 1 - np.clip(below, 0, BINS - 1)


def _best(peaks: NDArray[np.floating], source: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [QUIZZES]: the quizzes of highest peak [Q], one of each source, the first of equals
    first; -1 where fewer fire."""
    firing = np.flatnonzero(peaks > 0)
    order = firing[np.argsort(-peaks[firing], kind="stable")]
    chosen: dict[int, int] = {}
    for quiz in order.tolist():
        chosen.setdefault(int(source[quiz]), quiz)
        if len(chosen) == QUIZZES:
            break
    best = np.full(QUIZZES, -1, dtype=np.int64)
    best[: len(chosen)] = list(chosen.values())
    return best


def _wanted(
    families: Sequence[Family],
    places: Mapping[int, Mapping[int, int]],
    shared: Sequence[NDArray[np.int64]],
) -> dict[int, dict[int, tuple[int, NDArray[np.int64]]]]:
    """By agent and place of a feature: its family, and the quizzes shown of that."""
    wanted: dict[int, dict[int, tuple[int, NDArray[np.int64]]]] = {agent: {} for agent in places}
    for number, (family, quizzes) in enumerate(zip(families, shared, strict=True)):
        for agent, feature in family.members.items():
            wanted[agent][places[agent][feature]] = number, quizzes
    return wanted


def _agent(
    features: Features,
    profile: _Profile,
    best: NDArray[np.int64],
    wanted: Mapping[int, tuple[int, NDArray[np.int64]]],
    logits: NDArray[np.float32] | None,
    batch: QuizBatch,
    rows: TokenRows,
) -> tuple[pd.DataFrame, dict[int, NDArray[np.uint8]]]:
    """The rows of one agent's features; and by family, its member's activations [QUIZZES, T]."""
    length = batch.tokens.shape[1]
    bounds = np.searchsorted(rows.quiz, np.arange(rows.quizzes + 1))
    level = np.zeros(len(rows), dtype=np.uint8)

    def lines(quizzes: NDArray[np.int64]) -> NDArray[np.uint8]:
        shown = np.zeros((QUIZZES, length), dtype=np.uint8)
        for line, quiz in zip(shown, quizzes, strict=True):
            if quiz >= 0:
                kept = slice(bounds[quiz], bounds[quiz + 1])
                line[rows.position[kept]] = level[kept]
        return shown

    activations, of_families, tokens = [], {}, len(rows)
    for place, (row, value) in enumerate(_Columns(features, rows)):
        level[row] = _quantised(value / profile.highest[place])
        activations.append(lines(best[place]).tobytes())
        if place in wanted:
            family, quizzes = wanted[place]
            of_families[family] = lines(quizzes)
        level[row] = 0
    table = pd.DataFrame(
        {
            "feature": features.index,
            "quizzes": [shown[shown >= 0].astype(np.int32) for shown in best],
            "activations": pd.Series(activations, dtype=object),
            "maximum": profile.highest,
            "zero": 1 - profile.histogram.sum(axis=1) / max(tokens, 1),
            "histogram": list(profile.histogram.astype(np.int32)),
            "logits": [None] * len(best) if logits is None else list(logits[features.index]),
        }
    )
    return table, of_families


def _quantised(level: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8: levels in 0 .. 1, of which none above 0 becomes 0."""
    return np.maximum(np.rint(level * LEVELS), 1).astype(np.uint8)


def _quiz_table(shown: NDArray[np.int64], world: World, batch: QuizBatch) -> pd.DataFrame:
    tasks = [
        None if task == UNKNOWN_TASK else world.tasks[task] for task in batch.task[shown].tolist()
    ]
    return pd.DataFrame(
        {
            "quiz": shown.astype(np.int32),
            "task": pd.Series(tasks, dtype="string"),
            "layout": batch.layout[shown],
            "tokens": list(batch.tokens[shown]),
        }
    )


def _family_table(
    families: Sequence[Family],
    shared: Sequence[NDArray[np.int64]],
    lines: Mapping[tuple[int, int], NDArray[np.uint8]],
) -> pd.DataFrame:
    activations = [
        np.stack([lines[number, agent] for agent in family.members]).tobytes()
        for number, family in enumerate(families)
    ]
    return pd.DataFrame(
        {
            "family": np.arange(len(families), dtype=np.int32),
            "agents": [list(family.members) for family in families],
            "quizzes": [shown[shown >= 0].astype(np.int32) for shown in shared],
            "activations": pd.Series(activations, dtype=object),
        }
    )
