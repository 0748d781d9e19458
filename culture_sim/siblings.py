"""The packages beside this one are found where this one is, whatever else has their names.

``world``, ``agents`` and ``sae`` are plain names. Another distribution may have one of them
(openai-agents installs ``agents``), or a folder where Python starts; by the order of ``sys.path``
theirs could be loaded in place of ours. This module imports nothing of the three.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).absolute().parents[1]
OURS = {
    "world": "from world.core.world import",
    "agents": "from agents.model import AgentModel",
    "sae": "from sae.config import",
}
"""What the packages hold that another of the same name does not."""


class BesideUs(MetaPathFinder):
    """Finds the packages beside this one, before the path is searched."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where one of them is; None for all other modules."""
        return PathFinder.find_spec(fullname, [str(ROOT)]) if fullname in OURS else None


def claim_names() -> None:
    """From now on, whoever imports one of the names gets the package beside this one."""
    if not any(isinstance(finder, BesideUs) for finder in sys.meta_path):
        sys.meta_path.insert(0, BesideUs())


def taken_name() -> str | None:
    """One line about a name that something else has for good, None where all are ours."""
    for name, mark in OURS.items():
        place = ROOT / name / "__init__.py"
        loaded = sys.modules.get(name)
        if loaded is not None and not _is(loaded, place):
            found = getattr(loaded, "__file__", None) or "no file"
            return (
                f"culture-sim needs its own module {name!r}, and another is loaded already "
                f"({found}); import culture_sim before it, or start Python where that is not found"
            )
        if not place.is_file() or mark not in place.read_text("utf-8", "replace"):
            return (
                f"culture-sim needs its own module {name!r}, and {place} is missing or of another "
                f"distribution that was installed over it; install culture-sim into an environment "
                f"of its own"
            )
    return None


def _is(module: ModuleType, place: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and place.is_file() and os.path.samefile(file, place)
