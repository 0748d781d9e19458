"""The arms of a study: every one does the same work and differs in what agents are taught.

All propose and vote in every round, from the same seeds, and every agent trains on the same number
of quizzes; where there is culture to teach it, the same share of them is culture.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from culture_sim.culture.config import CultureConfig
from world.core.errors import UserError

CONTROL = "none"
"""The arm that the others are held against."""
FULL = "full"
"""The arm that is taught all that was kept."""
EXAM = "exam"
"""A run beside the arms: the quizzes that the agents kept as they began, which nobody is taught."""
CHANGES: dict[str, dict[str, Any]] = {
    CONTROL: {"taught": "none"},
    "random_filter": {},
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


UNBOUNDED = 1e9
"""Repeats of a kept quiz beyond what any share of a mix could hold: the share alone decides."""


def options_of(arm: str, culture: CultureConfig, share: float) -> CultureConfig:
    """The options of an arm. Raises UserError where the random filter cannot match the rule."""
    taught = replace(culture, repeats=UNBOUNDED, max_share=share, **CHANGES[arm])
    if arm != "random_filter":
        return taught
    kept_by = {"four_of_five": 1, "all_but_k": culture.rule_options.get("k", 1)}
    if culture.rule not in kept_by:
        raise UserError(
            f"the arm random_filter keeps as many quizzes as four_of_five or all_but_k would, not "
            f"as {culture.rule!r}; leave it out of --arms"
        )
    return replace(taught, rule="random_filter", rule_options={"k": kept_by[culture.rule]})
