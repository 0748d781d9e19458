"""Probes of one agent, and its features: tables with what is asked of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from culture_sim.experiments.brackets.agent import Agent
from culture_sim.experiments.brackets.exam import as_asked
from culture_sim.experiments.brackets.inside import sample_of
from culture_sim.experiments.brackets.probing import (
    THIRDS,
    Probed,
    _thirds,
    fitted_to,
    of_brackets,
    of_strings,
    read_probed,
)
from culture_sim.experiments.brackets.shared import (
    Compared,
    Shared,
    by_rules,
    dipped_in,
    read_shared,
)
from culture_sim.experiments.units import Place, make
from world.brackets import BracketsWorld
from world.brackets.nesting import depths, heights, lows, mirrored

SAMPLE = sample_of(16, 40)
WORLD = BracketsWorld(length=16)


def test_targets_are_true_of_what_was_read() -> None:
    batch = as_asked(WORLD, SAMPLE.strings)
    height = heights(SAMPLE.strings)
    for target in of_brackets(WORLD, batch):
        # Position 2 + i has read bracket i.
        known = ~np.isnan(target.values[:, 2:18])
        np.testing.assert_array_equal(known, SAMPLE.strings > 0)
        if target.name == "height":
            np.testing.assert_array_equal(target.values[:, 2:18][known] - 16, height[known])
        if target.name == "dipped":
            np.testing.assert_array_equal(target.values[:, 2:18][known], (lows(height) < 0)[known])
    whole = {target.name: target.values[:, -1] for target in of_strings(WORLD, batch)}
    np.testing.assert_array_equal(whole["final height"], height[:, -1])
    np.testing.assert_array_equal(whole["deepest"], depths(SAMPLE.strings))


def test_thirds_have_brackets_alone_and_few_of_each_string() -> None:
    thirds = _thirds(WORLD, as_asked(WORLD, SAMPLE.strings))
    assert tuple(thirds) == THIRDS
    for number, (chosen, start, stop) in enumerate(
        zip(thirds.values(), (0, 6, 11), (6, 11, 16), strict=True)
    ):
        assert chosen.sum(axis=1).max() == 3
        assert not chosen[:, : 2 + start].any()
        assert not chosen[:, 2 + stop :].any()
        assert (chosen[:, 2:18] <= (SAMPLE.strings > 0)).all(), number


def test_halves_do_not_depend_on_order_and_keep_mirror_images_together() -> None:
    strings = SAMPLE.strings
    half = fitted_to(WORLD, as_asked(WORLD, strings))
    assert 0.3 < half.mean() < 0.7
    np.testing.assert_array_equal(fitted_to(WORLD, as_asked(WORLD, strings[::-1])), half[::-1])
    np.testing.assert_array_equal(fitted_to(WORLD, as_asked(WORLD, mirrored(strings))), half)


@pytest.mark.slow
def test_probes_and_exchanges_of_an_agent(place: Place, agents: tuple[Agent, ...]) -> None:
    unit = Probed(agent=agents[0], sample=SAMPLE)
    make(place, unit)
    probes, exchanges = read_probed(place, unit)
    assert set(probes["place"]) == {*THIRDS, "end"}
    assert {"agent", "untrained", "shuffled", "position", "length"} <= set(probes["probe"])
    assert {"folds", "held out"} == set(probes["split"])
    height = probes.query("target == 'height' and place == 'early' and probe == 'agent'")
    assert height.query("minus == '' and split == 'folds'")["value"].max() > 0.3
    assert set(exchanges["target"]) <= {"dips", "final height"}
    assert {"probe", "whole", "random", "shuffled"} <= set(exchanges["edit"])


@pytest.mark.slow
def test_features_of_agents_are_compared(place: Place, agents: tuple[Agent, ...]) -> None:
    unit = Shared(agents=agents, nesters=3, tokens=8192, width=64, quizzes=160)
    make(place, unit)
    compared = read_shared(place, unit)
    assert compared.nests == (True, True, True, False, False)
    assert len(compared.pairs) == 10
    assert {name: len(pairs) for name, pairs in by_rules(compared).items()} == {
        "both nest": 3,
        "one nests": 6,
        "neither nests": 1,
    }
    assert len(compared.dipped) == 5


def test_pairs_are_told_apart_by_rules() -> None:
    pairs = [{"agent_a": 0, "agent_b": 1}, {"agent_a": 0, "agent_b": 2}]
    found = by_rules(Compared((True, False, True), pairs, ()))
    assert found == {"both nest": pairs[1:], "one nests": pairs[:1], "neither nests": []}


def test_dips_are_told_of_the_compared_dictionary_alone() -> None:
    table = pd.DataFrame(
        {
            "dictionary": ["own", "own", "neurons"],
            "agent": [1, 0, 0],
            "moment": ["read"] * 3,
            "label": ["dipped"] * 3,
            "f1": [0.5, 0.7, 0.1],
            "low": [0.4] * 3,
            "high": [0.8] * 3,
            "always_f1": [0.2] * 3,
        }
    )
    assert [each["f1"] for each in dipped_in(table)] == [0.7, 0.5]
