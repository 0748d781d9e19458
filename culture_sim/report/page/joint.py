"""What one dictionary for all agents says: the command "crosscoder", with its controls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from culture_sim.features.folders import CROSSCODER
from culture_sim.report.page.damage import damage_named
from sae.crosscoder.controls import CONTROLS
from world.core.files import read_json

Tree = dict[str, Any]


def joint(folder: Path, run: str) -> Tree | None:
    """The template's variables, from the folder of a comparison; None where none was trained.

    Raises UserError when the file is damaged.
    """
    path = folder / CROSSCODER
    if not path.exists():
        return None
    remedy = f"make it again with: culture-sim crosscoder --run {run}"
    tree = read_json(path, remedy)
    with damage_named(f"{path} is", remedy):
        min_r = max(tree["agreement"], key=float)
        return {
            "found": {control: _figures(found) for control, found in tree["found"].items()},
            "names": CONTROLS,
            "min_r": float(min_r),
            "agreement": tree["agreement"][min_r],
        }


def _figures(found: Tree) -> Tree:
    keys = ("judged", "shared", "partial", "unique", "exclusive_within")
    explained = found["explained_variance"].values()
    return {key: found[key] for key in keys} | {"explained": float(np.mean(list(explained)))}
