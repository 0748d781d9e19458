"""Which rule an agent follows, by what it says of strings with equal counts."""

from __future__ import annotations

import numpy as np
import pytest

from culture_sim.experiments.brackets.exam import EQUAL, exam_of
from culture_sim.experiments.brackets.rules import (
    LEARNED,
    MIXED,
    UNLEARNED,
    agreements,
    verdict_of,
)
from world.brackets.nesting import RULES, accepts

STRINGS = exam_of(20, 400).parts[EQUAL]


@pytest.mark.parametrize("rule", RULES)
def test_an_agent_that_follows_a_rule_is_found_to(rule: str) -> None:
    said = accepts(rule, STRINGS)
    said[:12] ^= True  # 3 % of mistakes
    agreement = agreements(said, STRINGS)
    assert agreement[rule] == pytest.approx(0.97)
    assert verdict_of(agreement, 1.0) == rule
    assert verdict_of(agreement, LEARNED - 0.001) == UNLEARNED


def test_an_agent_that_tosses_coins_follows_none() -> None:
    said = np.random.default_rng(0).random(len(STRINGS)) < 0.5
    assert verdict_of(agreements(said, STRINGS), 1.0) == MIXED


def test_a_tenth_of_mistakes_is_too_many() -> None:
    said = accepts("nested", STRINGS)
    said[:40] ^= True
    assert verdict_of(agreements(said, STRINGS), 1.0) == MIXED


def test_the_rule_of_the_first_symbol_is_right_on_about_half() -> None:
    right = ~accepts("first symbol", STRINGS)
    assert 0.5 < right.mean() < 0.66
