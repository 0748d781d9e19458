"""The page of a run's circuits, beside its report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from culture_sim.features.folders import CIRCUITS, circuits_path, read_table
from culture_sim.report.page.charts import shade
from culture_sim.report.page.circuits import PAGE, circuit_figures, remedy
from culture_sim.report.page.damage import damage_named
from culture_sim.report.write import joined, page_environment
from culture_sim.run.run import Run
from world.core.files import replacing

READS = {"logits": "logits", "q": "queries", "k": "keys", "v": "values", "mlp": "MLPs"}
"""How the page calls those that read what a part writes."""
SHOWN = 0.05
"""Effects below this share of the difference of logits are left blank."""
Tree = dict[str, Any]


def write_circuits(run: Run) -> Path:
    """Write ``report/circuits.html`` of a run from what ``culture-sim circuits`` left; its path.

    Raises UserError when that is damaged.
    """
    folder, name = circuits_path(run), run.path.name
    figures = circuit_figures(run)
    profiles = read_table(folder, CIRCUITS, "profiles", name)
    matches = read_table(folder, CIRCUITS, "head_matches", name)
    with damage_named(f"{folder} is", remedy(name)):
        text = (
            page_environment()
            .get_template("circuits/template.html.jinja")
            .render(
                name=name,
                style=joined(("page/style.css",)),
                shade=shade,
                reads=READS,
                found=figures,
                matrix=_matrix(figures),
                other_kinds=_other_kinds(figures),
                effects=_effects(figures, profiles),
                matched=_matched(figures, matches),
            )
        )
    path = run.path / "report" / PAGE
    with replacing(path) as aside:
        aside.write_text(text, "utf-8")
    return path


def _matrix(figures: Tree) -> list[list[Tree | None]]:
    """For every two agents the figures of their heads, None for an agent and itself."""
    pairs = {(of["agent_a"], of["agent_b"]): of for of in figures["pairs"] if of["part"] == "head"}
    agents = [of["agent"] for of in figures["agents"]]
    return [[pairs.get((min(a, b), max(a, b))) for b in agents] for a in agents]


def _effects(figures: Tree, profiles: pd.DataFrame) -> list[Tree]:
    """Of every agent, a row for each part with an effect, and in it, of every change, the largest
    effect and by which way it goes."""
    now = profiles[profiles["when"] == "now"]
    return [
        {
            "agent": of["agent"],
            "rows": [
                {
                    "part": part,
                    "kinds": ", ".join(of["kinds"].get(part, [])),
                    "cells": _cells(rows[rows["part"] == part], list(figures["changes"])),
                }
                for part in of["active"]
            ],
        }
        for of in figures["agents"]
        for rows in (now[now["agent"] == of["agent"]],)
    ]


def _cells(rows: pd.DataFrame, changes: list[str]) -> list[Tree | None]:
    cells: list[Tree | None] = []
    for change in changes:
        of_change = rows[rows["change"] == change]
        most = of_change.loc[of_change["effect"].abs().idxmax()]
        value = float(most["effect"])
        shown = {"effect": value, "way": READS[most["way"]], "size": abs(value)}
        cells.append(shown if abs(value) >= SHOWN else None)
    return cells


def _matched(figures: Tree, matches: pd.DataFrame) -> list[Tree]:
    """Of every agent but the last, its heads with an effect and those matched with them."""
    agents = [of["agent"] for of in figures["agents"]]
    tables = []
    for place, agent in enumerate(agents[:-1]):
        rows = matches[(matches["agent_a"] == agent) & matches["active_a"]]
        others = agents[place + 1 :]
        parts = list(dict.fromkeys(rows["part_a"]))
        table = [
            {
                "part": part,
                "kinds": of_part["kinds_a"].iloc[0],
                "cells": [_cell(of_part[of_part["agent_b"] == other]) for other in others],
            }
            for part in parts
            for of_part in (rows[rows["part_a"] == part],)
        ]
        tables.append({"agent": agent, "others": others, "rows": table})
    return tables


def _cell(rows: pd.DataFrame) -> Tree:
    of = rows.iloc[0]
    return {
        "part": of["part_b"],
        "cosine": float(of["cosine"]),
        "active": bool(of["active_b"]),
        "kinds": of["kinds_b"],
        "stable": float(of["stable"]),
    }


def _other_kinds(figures: Tree) -> list[Tree]:
    """Heads that are of other kinds than before."""
    rows = [
        {
            "agent": of["agent"],
            "head": head,
            "before": ", ".join(of["kinds_before"].get(head, [])),
            "after": ", ".join(kinds),
        }
        for of in figures["culture"] or []
        if of["part"] == "head"
        for head, kinds in of["kinds_after"].items()
    ]
    return [row for row in rows if row["before"] != row["after"]]
