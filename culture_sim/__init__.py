"""The experiment: a population, its culture, and the comparison of what it learned.

``open_run`` gives a notebook everything that a run on disk holds. ``RunConfig`` is what decides a
run; a ``Rule`` and a ``Proposer`` of one's own register in ``rules`` and ``proposers``.
``write_models`` writes the page of a comparison of anyone's models.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from culture_sim.siblings import claim_names, taken_name

if TYPE_CHECKING:
    from culture_sim.culture.config import CultureConfig
    from culture_sim.culture.proposers import Proposer, proposers
    from culture_sim.culture.rules import Rule, rules
    from culture_sim.culture.votes import Decision, VoteTable
    from culture_sim.notebook import OpenRun, open_run
    from culture_sim.report.models.write import write_models
    from culture_sim.run.config import RunConfig

__all__ = [
    "CultureConfig",
    "Decision",
    "OpenRun",
    "Proposer",
    "Rule",
    "RunConfig",
    "VoteTable",
    "open_run",
    "proposers",
    "rules",
    "write_models",
]
_HOMES = {
    "CultureConfig": "culture_sim.culture.config",
    "Decision": "culture_sim.culture.votes",
    "OpenRun": "culture_sim.notebook",
    "Proposer": "culture_sim.culture.proposers",
    "Rule": "culture_sim.culture.rules",
    "RunConfig": "culture_sim.run.config",
    "VoteTable": "culture_sim.culture.votes",
    "open_run": "culture_sim.notebook",
    "proposers": "culture_sim.culture.proposers",
    "rules": "culture_sim.culture.rules",
    "write_models": "culture_sim.report.models.write",
}


claim_names()


def __getattr__(name: str) -> Any:
    # Loaded when first used: the command line answers before torch is there.
    if name not in _HOMES:
        raise AttributeError(f"module 'culture_sim' has no attribute {name!r}")
    if taken := taken_name():
        raise ImportError(taken)
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
