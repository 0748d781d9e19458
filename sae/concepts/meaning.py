"""What the features of all agents mean: scored against the truth, named; what they cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from scipy import sparse

from sae.activations.harvest import token_rows
from sae.concepts.coverage import cover
from sae.concepts.names import name_families, name_features
from sae.concepts.scores import score_features
from sae.concepts.tables import concept_table, coverage_table, family_name_table, name_table
from sae.concepts.truth import Concepts, find_concepts
from sae.matching.families import Family
from sae.threads import side_by_side
from world import QuizBatch, Stream, World

COVERAGE_QUIZZES = 200
"""Quizzes on which coverage is measured, of SAEs and baselines alike: dense ones are slow."""

CodesOf = Callable[[int, str, QuizBatch], "sparse.csr_array | None"]
"""(agent, dictionary, quizzes) -> codes float32 [N, F]; None where there is no such dictionary."""


@dataclass(frozen=True)
class Meaning:
    """Tables: the best concepts of every feature, its name, the names of families, and how well
    concepts are covered by every dictionary of every agent."""

    concepts: pd.DataFrame
    names: pd.DataFrame
    families: pd.DataFrame
    coverage: pd.DataFrame

    def figures(self) -> dict[str, Any]:
        """Shares of features that have a name at several F1, and mean coverage, in plain types."""
        overall = self.coverage[self.coverage.label == "all"]
        candidates = self.names[self.names.chosen_f1 > 0]
        return {
            "named": {str(f1): float((candidates.f1 >= f1).mean()) for f1 in (0.5, 0.7, 0.9)},
            "families_named": {
                str(f1): int((self.families.f1 >= f1).sum()) for f1 in (0.5, 0.7, 0.9)
            },
            "coverage": {
                str(name): float(rows.f1.mean()) for name, rows in overall.groupby("dictionary")
            },
        }


def find_meaning(
    numbers: Sequence[int],
    codes_of: CodesOf,
    dictionary: str,
    baselines: Sequence[str],
    families: Sequence[Family],
    world: World,
    quizzes: QuizBatch,
    stream: Stream,
) -> Meaning:
    """Score, name and cover the features of the agents ``numbers``.

    dictionary: the one that is compared; baselines: others, for their coverage. quizzes: the
    world's own, with all that their generator knows.
    """
    truth = find_concepts(world, quizzes, token_rows(world, quizzes))
    codes = {number: _known(codes_of(number, dictionary, quizzes)) for number in numbers}
    jobs = [partial(score_features, codes[number], truth) for number in numbers]
    scores = dict(zip(numbers, side_by_side(jobs), strict=True))
    naming = [partial(name_features, codes[n], truth, scores[n]) for n in numbers]
    names = dict(zip(numbers, side_by_side(naming), strict=True))
    family_names = name_families([f.members for f in families], codes, truth, scores)
    return Meaning(
        concept_table(scores, truth),
        name_table(names),
        family_name_table(family_names),
        _coverage(numbers, codes_of, (dictionary, *baselines), world, quizzes, stream),
    )


def _known(codes: sparse.csr_array | None) -> sparse.csr_array:
    if codes is None:
        raise ValueError("the compared dictionary has no codes")
    return codes


def _coverage(
    numbers: Sequence[int],
    codes_of: CodesOf,
    dictionaries: Sequence[str],
    world: World,
    quizzes: QuizBatch,
    stream: Stream,
) -> pd.DataFrame:
    """One table over dictionaries and agents."""
    some = quizzes[:COVERAGE_QUIZZES]
    truth = find_concepts(world, some, token_rows(world, some))
    jobs = {
        (name, number): partial(_covered, codes_of, number, name, some, truth, stream)
        for name in dictionaries
        for number in numbers
    }
    coverage: Mapping[tuple[str, int], pd.DataFrame | None] = dict(
        zip(jobs, side_by_side(list(jobs.values())), strict=True)
    )
    tables = [
        table.assign(dictionary=name, agent=number)
        for (name, number), table in coverage.items()
        if table is not None
    ]
    return pd.concat(tables, ignore_index=True)


def _covered(
    codes_of: CodesOf,
    number: int,
    dictionary: str,
    quizzes: QuizBatch,
    truth: Concepts,
    stream: Stream,
) -> pd.DataFrame | None:
    codes = codes_of(number, dictionary, quizzes)
    if codes is None:
        return None
    rng = stream.with_role("coverage").generator()
    return coverage_table(cover(codes, truth, score_features(codes, truth), rng))
