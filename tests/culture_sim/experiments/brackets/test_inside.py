"""A look inside an agent: sums that must hold, and groups that must be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from culture_sim.experiments.brackets.agent import Agent, load_agent
from culture_sim.experiments.brackets.exam import verdict_logits
from culture_sim.experiments.brackets.foretell import behaviour_of, inside_of, settings_of
from culture_sim.experiments.brackets.inside import (
    Inside,
    Looked,
    accuracy_by_kind,
    donors,
    read_inside,
    sample_of,
)
from culture_sim.experiments.units import Place, make
from world import Stream
from world.brackets.nesting import EQUAL, KINDS

SAMPLE = sample_of(16, 10)


@pytest.fixture(scope="module")
def looked(place: Place, agents: tuple[Agent, ...]) -> Looked:
    unit = Inside(agent=agents[0], sample=SAMPLE)
    make(place, unit)
    return read_inside(place, unit)


def test_strings_are_as_many_of_each_kind() -> None:
    np.testing.assert_array_equal(SAMPLE.kinds, np.repeat(np.arange(len(KINDS)), 10))


def test_contributions_add_up_to_the_verdict(
    looked: Looked, place: Place, agents: tuple[Agent, ...]
) -> None:
    logits = verdict_logits(load_agent(place, agents[0]), agents[0].world, SAMPLE.strings)
    np.testing.assert_allclose(looked.logits, logits, atol=1e-3, rtol=1e-3)
    assert looked.components == ("0.0", "0.1", "m0")


def test_ablation_takes_from_a_string_of_other_kinds_and_keeps_the_order(
    looked: Looked, place: Place, agents: tuple[Agent, ...]
) -> None:
    model, world = load_agent(place, agents[0]), agents[0].world
    tokens = torch.from_numpy(world.codec.tokens(SAMPLE.strings).astype(np.int64))
    rng = Stream(0, "resample").generator()
    order = rng.permutation(len(tokens))
    source = np.empty_like(order)
    source[order] = order[donors(SAMPLE.kinds[order], rng)]
    assert (source != np.arange(len(tokens))).all()
    assert not np.isin(SAMPLE.kinds[source], EQUAL).any()
    assert len(set(source)) > len(source) / 3

    def other_mlp(x: torch.Tensor) -> torch.Tensor:
        return x[source]

    with model.intervene({"blocks.0.hook_mlp_out": other_mlp}):
        expected = verdict_logits(model, world, SAMPLE.strings)
    found = looked.ablated[looked.components.index("m0")]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not np.allclose(found, looked.logits, atol=1e-3)


def test_attention_is_a_share(looked: Looked) -> None:
    given = looked.attention.sum(axis=(-1, -2))
    assert given.min() > 0
    assert given.max() <= 1.0001
    # Strings that never dip have no bracket that begins below zero.
    assert looked.attention[:, :, KINDS.index("balanced"), :, :12].sum() == 0
    assert looked.attention[:, :, KINDS.index("dip_first"), :, :12].sum() > 0


def test_accuracy_by_kind_counts_what_is_balanced() -> None:
    kinds = np.array([0, 0, 1, 2, 3, 4, 5, 5])
    logits = np.array([1.0, -1, -1, -1, -1, -1, -1, 1])
    expected = [0.5, 1, 1, 1, 1, 0.5]
    np.testing.assert_array_equal(accuracy_by_kind(logits, kinds), expected)
    np.testing.assert_array_equal(accuracy_by_kind(logits[None], kinds), [expected])


def test_what_is_foretold_from_are_finite_numbers(
    looked: Looked, agents: tuple[Agent, ...]
) -> None:
    for found in (
        settings_of(agents[0]),
        behaviour_of(looked, SAMPLE),
        inside_of(looked, SAMPLE),
    ):
        assert np.isfinite(found).all()
        assert len(found) > 3


def test_nothing_that_is_foretold_from_is_of_equal_counts(looked: Looked) -> None:
    """What happens on those strings may change at will."""
    equal = np.isin(SAMPLE.kinds, (4, 5))
    contributions, ablated = looked.contributions.copy(), looked.ablated.copy()
    contributions[equal], ablated[:, equal] = 0.0, 0.0
    attention = looked.attention.copy()
    attention[:, :, 4:] = 0.0
    other = Looked(looked.names, contributions, ablated, attention, looked.end)
    np.testing.assert_allclose(inside_of(other, SAMPLE), inside_of(looked, SAMPLE))
    np.testing.assert_allclose(behaviour_of(other, SAMPLE), behaviour_of(looked, SAMPLE))


def test_a_made_unit_is_found_by_its_name(place: Place, looked: Looked) -> None:
    assert Path(place.folder / "inside/q0-layers1-wd0-length16-seed0/inside.npz").exists()
