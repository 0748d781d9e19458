"""Foretelling for settings that were left out, with inputs of which it is known what they tell."""

from __future__ import annotations

import numpy as np
import pytest

from culture_sim.experiments.brackets.foretell import foretell, gained

GROUPS = [f"setting {n // 8}" for n in range(64)]


def made_up() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs that tell the truth with noise, inputs that only tell the setting, and the truth."""
    rng = np.random.default_rng(0)
    truth = rng.random(64)
    setting = np.repeat(np.arange(8), 8)[:, None].astype(float)
    return np.stack([truth + rng.normal(0, 0.05, 64), rng.random(64)], axis=1), setting, truth


def test_what_tells_the_truth_foretells_it_and_settings_do_not() -> None:
    inside, setting, truth = made_up()
    one, other = foretell(inside, truth, GROUPS), foretell(setting, truth, GROUPS)
    assert one.error < 0.1 < other.error
    assert one.area is not None
    assert one.area > 0.95
    value, low, high = gained(one, other, truth, GROUPS)
    assert low <= value <= high < 0


def test_no_agent_of_the_setting_is_learned_from() -> None:
    """An input that is 1 in a setting alone, whose agents are unlike all others."""
    truth = np.r_[np.zeros(56), np.ones(8)]
    only = np.r_[np.zeros(56), np.ones(8)][:, None]
    found = foretell(only, truth, GROUPS)
    assert found.predicted[56:].max() == pytest.approx(0.0, abs=1e-9)


def test_no_area_where_all_lean_to_one_side() -> None:
    inside, _, _ = made_up()
    assert foretell(inside, np.full(64, 0.9), GROUPS).area is None
