"""The arms of a study: every one does the same work and differs in what agents are taught.

All propose and vote in every round, from the same seeds, and every agent trains on the same number
of quizzes; where it is taught culture, the same share of them is culture.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from culture_sim.culture_config import CultureConfig

CONTROL = "none"
"""The arm that the others are held against."""
FULL = "full"
"""The arm whose held-out quizzes all are examined on."""
CHANGES: dict[str, dict[str, Any]] = {
    CONTROL: {"taught": "none"},
    "random_filter": {"rule": "random_filter", "rule_options": {}},
    "frozen": {"taught": "first"},
    "single": {"taught": "own"},
    FULL: {},
}
"""By arm, the options that differ from those of the study."""
ABOUT = {
    CONTROL: "no culture: world quizzes only",
    "random_filter": "as many quizzes as the rule would keep, drawn from all that were voted on",
    "frozen": "the culture of the first round only",
    "single": "a lineage each: an agent sees only what it proposed itself",
    FULL: "full culture",
}


def options_of(arm: str, culture: CultureConfig) -> CultureConfig:
    """The options of an arm."""
    return replace(culture, **CHANGES[arm])
