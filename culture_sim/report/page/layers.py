"""What agents lose without a layer, task by task: the command "effects" in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from culture_sim.features.folders import EFFECTS, read_table
from culture_sim.report.page.damage import damage_named

ABLATION = "mean"
"""Outputs are replaced by their mean; zero is a value that they seldom have."""
NAMES = {"attention": "attention", "mlp": "MLP"}
Tree = dict[str, Any]


def layers(folder: Path, run: str) -> Tree | None:
    """The template's variables, from the folder of a comparison; None where no layer was ablated.

    Raises UserError when the table is damaged.
    """
    path = folder / "components.parquet"
    if not (folder / EFFECTS).exists() or not path.exists():
        return None
    table = read_table(folder, EFFECTS, path.stem, run)
    with damage_named(f"{path} is", f"make it again with: culture-sim effects --run {run}"):
        return _condensed(table)


def _condensed(table: pd.DataFrame) -> Tree:
    """Tasks, "all" first, and a row for each component: points of accuracy lost, by task."""
    table = table[table.ablation == ABLATION]
    tasks = list(dict.fromkeys(table.task))
    # Means over agents, all of which answered the same quizzes.
    found = table.groupby(["layer", "component", "task"]).accuracy_change.mean().unstack()[tasks]
    rows = [
        {
            "name": f"{NAMES[component]} of layer {layer}",
            "lost": [round(-100 * change) for change in changes.tolist()],
        }
        for (layer, component), changes in zip(found.index, found.to_numpy(), strict=True)
    ]
    by_loss = sorted(rows, key=lambda row: row["lost"][0])
    every = table[table.task == tasks[0]]
    return {
        "agents": int(table.agent.nunique()),
        "quizzes": int(every.quizzes.iloc[0]),
        "tasks": tasks,
        "rows": rows,
        "untouched": table.groupby("task").accuracy.mean()[tasks].tolist(),
        "least": by_loss[0],
        "most": by_loss[-1],
    }
