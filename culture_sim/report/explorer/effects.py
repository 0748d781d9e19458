"""What is lost without a feature or a family, lined up for the explorer: the command "effects"."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from culture_sim.features.folders import EFFECTS, read_table

INTERVAL = ("accuracy_change", "accuracy_low", "accuracy_high")
"""A change of exact accuracy, as a share of quizzes, and its 95 % interval."""
OF_FEATURES = ("agent", "feature", "task", "quizzes", *INTERVAL, "loss_change")
OF_FAMILIES = ("family", *INTERVAL, "q", "loss_change")


@dataclass(frozen=True)
class Effects:
    """What ablating each of F features changes, in each of T tasks; "all" is the first.

    quizzes: int64 [T], how many were answered. accuracy: float64 [F, T, 3], ``INTERVAL``. loss:
    float64 [F], nats per answer token over all tasks. NaN where it is not known. families:
    ``OF_FAMILIES`` of those that were looked at as such, None where none was.
    """

    tasks: tuple[str, ...]
    quizzes: NDArray[np.int64]
    accuracy: NDArray[np.float64]
    loss: NDArray[np.float64]
    families: pd.DataFrame | None

    def of_families(self, family: pd.Series) -> pd.DataFrame | None:
        """``OF_FAMILIES`` of M families, by number, NaN where it is not known."""
        if self.families is None:
            return None
        return self.families.set_index("family").reindex(family).reset_index()


def read_effects(folder: Path, run: str) -> tuple[pd.DataFrame, pd.DataFrame | None] | None:
    """The ablations of a comparison's features and of its families, None where they are not known.

    Raises UserError when a table is damaged.
    """
    path, beside = folder / "effects.parquet", folder / "family_effects.parquet"
    if not (folder / EFFECTS).exists() or not path.exists():
        return None
    ablated, families = [("factor", "==", 0.0)], None
    features = read_table(folder, EFFECTS, path.stem, run, OF_FEATURES, ablated)
    if beside.exists():
        families = read_table(folder, EFFECTS, beside.stem, run, OF_FAMILIES)
    return (features, families) if len(features) else None


def line_up(
    features: pd.DataFrame, families: pd.DataFrame | None, row: NDArray[np.int64], size: int
) -> Effects:
    """row: int64, the place of each of the table's features among ``size``, -1 for none."""
    first = features.drop_duplicates("task")
    tasks = tuple(first.task)
    column = features.task.map({task: k for k, task in enumerate(tasks)}).to_numpy(np.int64)
    kept = row >= 0
    accuracy = np.full((size, len(tasks), len(INTERVAL)), np.nan)
    accuracy[row[kept], column[kept]] = features[list(INTERVAL)].to_numpy(np.float64)[kept]
    loss, whole = np.full(size, np.nan), kept & (column == 0)
    loss[row[whole]] = features.loss_change.to_numpy(np.float64)[whole]
    return Effects(tasks, first.quizzes.to_numpy(np.int64), accuracy, loss, families)
