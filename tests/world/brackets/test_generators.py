"""Generators of strings: everything that there is, as often as they say, and nothing else."""

from math import comb

import numpy as np
import pytest

from tests.helpers.brackets import every
from world.brackets import generators
from world.brackets.nesting import (
    BALANCED,
    EQUAL,
    accepts,
    depths,
    heights,
    kinds_of,
    lengths,
)

COUNT = 20_000
EIGHT = np.full(COUNT, 8)


def rng():
    return np.random.default_rng(0)


def counted(strings):
    """How often each string came, by its bytes."""
    values, counts = np.unique(strings, axis=0, return_counts=True)
    return {row.tobytes(): int(n) for row, n in zip(values, counts, strict=True)}


def chance_of_walk(string):
    """By a coin at every bracket that is not forced."""
    chance, height = 1.0, 0
    for place, bracket in enumerate(string):
        left = len(string) - place
        chance *= 1.0 if height in (0, left) else 0.5
        height += 1 if bracket == 1 else -1
    return chance


def agrees(strings, chances):
    """Whether counts are those of chances within five standard errors, string by string."""
    counts = counted(strings)
    assert counts.keys() <= chances.keys()
    for row, chance in chances.items():
        expected = chance * len(strings)
        assert abs(counts.get(row, 0) - expected) <= 5 * (expected * (1 - chance)) ** 0.5 + 1e-9


def all_alike(strings):
    return {row.tobytes(): 1 / len(strings) for row in strings}


ALL = every(8)
NESTED = ALL[accepts("nested", ALL)]


def test_every_balanced_string_comes_as_often_as_any():
    agrees(generators.uniform(rng(), EIGHT, 8), all_alike(NESTED))


def test_a_walk_gives_every_balanced_string_its_chance():
    chances = {row.tobytes(): chance_of_walk(row.tolist()) for row in NESTED}
    assert sum(chances.values()) == pytest.approx(1)
    assert len(set(chances.values())) > 1
    agrees(generators.walk(rng(), EIGHT, 8), chances)


def test_anything_gives_every_string():
    agrees(generators.anything(rng(), EIGHT, 8), all_alike(ALL))


def test_equal_counts_in_every_order():
    equal = ALL[accepts("count", ALL)]
    assert len(equal) == comb(8, 4)
    agrees(generators.equal(rng(), EIGHT, 8), all_alike(equal))


def test_surpluses_are_spread_evenly_over_both_brackets():
    final = heights(generators.spread(rng(), EIGHT, 8))[:, -1]
    values, counts = np.unique(final, return_counts=True)
    assert values.tolist() == [-8, -6, -4, -2, 2, 4, 6, 8]
    assert counts / COUNT == pytest.approx(np.full(8, 1 / 8), abs=0.012)


def test_one_bracket_is_turned_round():
    strings = generators.walk(rng(), EIGHT, 8)
    turned = generators.flipped(rng(), strings, EIGHT)
    assert ((turned != strings).sum(axis=1) == 1).all()
    final = heights(turned)[:, -1]
    assert (np.abs(final) == 2).all()
    assert (final == 2).mean() == pytest.approx(0.5, abs=0.02)
    where = (turned != strings).sum(axis=0) / COUNT
    assert where == pytest.approx(np.full(8, 1 / 8), abs=0.012)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_depths_are_exact_and_every_string_of_one_can_come(depth):
    strings = generators.walk_of_depth(rng(), EIGHT, 8, np.full(COUNT, depth))
    assert (kinds_of(strings) == BALANCED).all()
    assert (depths(strings) == depth).all()
    of_depth = NESTED[depths(NESTED) == depth]
    assert counted(strings).keys() == {row.tobytes() for row in of_depth}


MAKERS = {
    "walk": generators.walk,
    "uniform": generators.uniform,
    "anything": generators.anything,
    "equal": generators.equal,
    "spread": generators.spread,
    "depth": lambda r, sizes, width: generators.walk_of_depth(r, sizes, width, sizes // 2),
}


@pytest.mark.parametrize("name", MAKERS)
def test_strings_of_many_lengths_stand_at_the_left(name):
    sizes = 2 * np.random.default_rng(1).integers(1, 33, size=2000)
    strings = MAKERS[name](rng(), sizes, 64)
    assert (strings.shape, strings.dtype) == ((2000, 64), np.uint8)
    assert np.array_equal(lengths(strings), sizes)
    assert np.array_equal(strings > 0, np.arange(64) < sizes[:, None])
    if name in ("walk", "uniform", "depth"):
        assert (kinds_of(strings) == BALANCED).all()
    if name == "equal":
        assert np.isin(kinds_of(strings), (BALANCED, *EQUAL)).all()
    assert len(MAKERS[name](rng(), sizes[:0], 64)) == 0
