"""Pairs of names and templates that are held out: exactly so many, and every half is learned."""

import numpy as np
import pytest

from world.names.splits import SAE, TEST, Material
from world.names.words import Words


@pytest.mark.parametrize(("names", "held_out"), [(6, 1), (20, 19), (100, 495)])
def test_pairs_are_split_exactly(names, held_out):
    material = Material(Words(names), 1)
    counts = [len(pairs) for pairs in material.pairs]
    assert counts == [names * (names - 1) // 2 - 2 * held_out, held_out, held_out]
    together = np.concatenate(material.pairs)
    assert len(np.unique(together, axis=0)) == len(together)
    assert (together[:, 0] < together[:, 1]).all()
    assert set(together.ravel()) == set(Words(names).values("name"))
    for split, pairs in enumerate(material.pairs):
        assert (material.pair_split(*pairs.T) == split).all()
        assert (material.pair_split(*pairs.T[::-1]) == split).all()
        assert np.array_equal(material.pair_hash(*pairs.T), material.pair_hash(*pairs.T[::-1]))
    assert len(np.unique(material.pair_hash(*together.T))) == len(together)


@pytest.mark.parametrize("templates", [4, 8])
def test_every_half_is_in_as_many_templates_of_a_split(templates):
    material = Material(Words(6), templates)
    assert [len(t) for t in material.templates_of] == [
        templates * (templates - 2),
        templates,
        templates,
    ]
    for split, both in enumerate(material.templates_of):
        assert (material.template_split(*both.T) == split).all()
        for half in both.T:
            assert set(np.bincount(half, minlength=templates)) == {len(both) // templates}
    together = np.concatenate(material.templates_of)
    assert len(np.unique(material.template_hash(*together.T))) == templates**2


def test_a_single_template_is_in_every_split():
    for both in Material(Words(6), 1).templates_of:
        assert both.tolist() == [[0, 0]]
    assert (TEST, SAE) == (1, 2)
