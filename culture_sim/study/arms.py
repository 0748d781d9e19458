"""The arms of a study: all propose and vote alike, and differ in what agents train on.

Every agent trains on the same number of quizzes in a round; where there is culture to train on, the
same share of them is culture, by chance for each quiz. Agents without culture therefore see more of
the world. So one arm has no culture, and a lesson that is shorter by the culture's share: as many
quizzes of the world as the others see on average, in fewer steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from culture_sim.culture.config import CultureConfig
from culture_sim.culture.rules import rules
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.rules.four_of_five import FourOfFive
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.culture.rules.random_filter import RandomFilter
from culture_sim.culture.rules.random_likelihood import RandomLikelihood
from world.core.errors import UserError

CONTROL = "none"
"""The arm that the others are held against."""
FEWER = "fewer"
"""No culture, and a lesson that is shorter by the culture's share."""
FULL = "full"
"""The arm that trains on all that was kept."""
EXAM = "exam"
"""A run beside the arms: the quizzes that the agents kept as they began, which nobody trains on."""
CHANGES: dict[str, dict[str, Any]] = {
    CONTROL: {"trains_on": "none"},
    FEWER: {"trains_on": "none"},
    "random_filter": {},
    "frozen": {"trains_on": "first"},
    "single": {"trains_on": "own"},
    FULL: {},
}
"""By arm, the options that differ from those of the study."""
ABOUT = {
    CONTROL: "no culture: world quizzes only",
    FEWER: "no culture, and a lesson that is shorter by the culture's share",
    "random_filter": "as many quizzes as the rule would keep, drawn from all that were voted on",
    "frozen": "the culture of the first round only",
    "single": "a lineage each: an agent sees only what it proposed itself",
    FULL: "full culture",
}


UNBOUNDED = 1e9
"""Repeats of a kept quiz beyond what any share of a mix could hold: the share alone decides."""


def options_of(arm: str, culture: CultureConfig, share: float) -> CultureConfig:
    """The options of an arm. Raises UserError where the random filter cannot match the rule."""
    trained = replace(culture, repeats=UNBOUNDED, max_share=share, **CHANGES[arm])
    if arm != "random_filter":
        return trained
    rule = culture.rule
    if not isinstance(rule, FourOfFive | AllButK | Likelihood):
        raise UserError(
            f"the arm random_filter keeps as many quizzes as four_of_five, all_but_k or likelihood "
            f"would, not as {rules.name_of(type(rule))!r}; leave it out of --arms"
        )
    if isinstance(rule, Likelihood):
        margin = (rule.understood, rule.failed, rule.fewest, rule.most)
        return replace(trained, rule=RandomLikelihood(*margin))
    if isinstance(rule, AllButK):
        return replace(trained, rule=RandomFilter(rule.k, others=rule.others))
    return replace(trained, rule=RandomFilter())
