"""Scores, names and coverage as tables for pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sae.concepts.coverage import Coverage, Mean
from sae.concepts.names import Name
from sae.concepts.scores import Scores
from sae.concepts.truth import Concepts

TOP = 5
"""Concepts listed for each feature."""
FIGURES = ("f1", "precision", "recall", "auroc", "threshold")
NAMED = ("name", "candidate", "concepts", *FIGURES, "chosen_f1")
"""Columns that say how something is called."""


def concept_table(scores: Mapping[int, Scores], concepts: Concepts, top: int = TOP) -> pd.DataFrame:
    """The ``top`` concepts of every feature of every agent by F1 on the selection split.

    Best first; figures are of the evaluation split. Features that are never active with a concept
    have no rows.
    """
    return pd.concat(
        [_agent_rows(agent, of_agent, concepts, top) for agent, of_agent in scores.items()],
        ignore_index=True,
    )


def _agent_rows(agent: int, scores: Scores, concepts: Concepts, top: int) -> pd.DataFrame:
    order = np.argsort(-scores.chosen_f1, axis=1, kind="stable")[:, :top]
    feature, column = np.nonzero(np.take_along_axis(scores.chosen_f1, order, axis=1) > 0)
    number = order[feature, column]
    said = [concepts.concepts[k] for k in number]
    return pd.DataFrame(
        {
            "agent": np.full(len(number), agent),
            "feature": feature,
            "concept": [concept.text for concept in said],
            "moment": [concept.moment for concept in said],
            "label": [concept.label for concept in said],
            "value": [concept.value_name for concept in said],
            **{name: getattr(scores, name)[feature, number] for name in FIGURES},
            "prevalence": concepts.prevalence[number],
        }
    )


def name_table(names: Mapping[int, Sequence[Name]]) -> pd.DataFrame:
    """One row for every feature of every agent; "unnamed" where nothing is detected well enough.

    ``candidate`` says what it would be called without a floor.
    """
    rows = [
        {"agent": agent, "feature": feature, **_name_row(name)}
        for agent, of_agent in names.items()
        for feature, name in enumerate(of_agent)
    ]
    return pd.DataFrame(rows)


def family_name_table(names: Sequence[Name]) -> pd.DataFrame:
    """One row for every family, in order, with lists of its agents and of their F1."""
    rows = [
        {
            "family": number,
            **_name_row(name),
            "agents": list(name.members),
            "member_f1": list(name.members.values()),
        }
        for number, name in enumerate(names)
    ]
    columns = ["family", *NAMED, "agents", "member_f1"]
    return pd.DataFrame(rows, columns=columns)


def _name_row(name: Name) -> dict[str, object]:
    return {
        "name": name.text,
        "candidate": name.candidate,
        "concepts": len(name.concepts),
        **{figure: getattr(name, figure) for figure in FIGURES},
        "chosen_f1": name.chosen_f1,
    }


def coverage_table(coverage: Coverage) -> pd.DataFrame:
    """One row over all concepts, where moment and label are "all", then one for each label."""
    rows = [("all", "all", coverage.overall)]
    rows += [(*key, mean) for key, mean in coverage.by_label.items()]
    return pd.DataFrame([_mean_row(*row) for row in rows])


def _mean_row(moment: str, label: str, mean: Mean) -> dict[str, object]:
    return {
        "moment": moment,
        "label": label,
        "concepts": mean.concepts,
        "f1": mean.value,
        "low": mean.low,
        "high": mean.high,
        "always_f1": mean.always,
    }
