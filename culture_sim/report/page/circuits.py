"""What a run's report says of its circuits: the command "circuits", which has a page of its own."""

from __future__ import annotations

from typing import Any

from culture_sim.features.folders import CIRCUITS, circuits_path
from culture_sim.report.page.damage import damage_named
from culture_sim.run.run import Run
from world.core.files import read_json

PAGE = "circuits.html"
"""Beside the report."""
Tree = dict[str, Any]


def circuits(run: Run) -> Tree | None:
    """The template's variables; None where circuits were not looked at.

    Raises UserError when the file is damaged.
    """
    if not (circuits_path(run) / CIRCUITS).exists():
        return None
    figures = circuit_figures(run)
    with damage_named(f"{circuits_path(run) / CIRCUITS} is", remedy(run.path.name)):
        now = run.checksums()
        outdated = figures.get("weights", now) != now
        return {"page": PAGE, "overall": figures["overall"], "outdated": outdated}


def circuit_figures(run: Run) -> Tree:
    """All that the command found; raises UserError when it is damaged."""
    return read_json(circuits_path(run) / CIRCUITS, remedy(run.path.name))


def remedy(name: str) -> str:
    """How a run's circuits are found again."""
    return f"make it again with: culture-sim circuits --run {name}"
