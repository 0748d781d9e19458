"""Whether what was found out with a comparison is of it as it is now, or of one made before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from culture_sim.feature_folders import comparison_hash
from culture_sim.report.damage import damage_named

FILES = {
    "effects": "effects.json",
    "culture-features": "culture.json",
    "crosscoder": "crosscoder.json",
}
"""What commands that look at a comparison leave beside it, with the tables of each."""


def outdated(folder: Path, summary: Mapping[str, Any], run: str) -> dict[str, str]:
    """Commands whose results in a comparison's folder are of another comparison, each with a line
    that says so; results that do not name theirs are taken as they are.

    Raises UserError when a file is damaged.
    """
    found = {}
    for command, name in FILES.items():
        path, again = folder / name, f"culture-sim {command} --run {run}"
        if not path.exists():
            continue
        with damage_named(f"{path} is", f"make it again with: {again}"):
            made = json.loads(path.read_text()).get("comparison")
        if made not in (None, comparison_hash(summary)):
            found[command] = (
                f"what {path} and the tables of its command say is of an earlier comparison; run "
                f"{again} --site {summary['site']} --dictionary {summary['dictionary']}"
            )
    return found
