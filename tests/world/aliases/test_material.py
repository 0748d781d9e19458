"""What is held out, to a cell; twins, against brute force; who is linked with whom."""

from itertools import product

import numpy as np
import pytest

from world import UserError
from world.aliases import AliasesWorld
from world.aliases.operations import OPERATIONS

PRIME = 13
SLOW = {
    "squares": lambda x, y: (x**2 + y**2) % PRIME,
    "sum": lambda x, y: (x + y) % PRIME,
    "product": lambda x, y: (x * y) % PRIME,
    "difference": lambda x, y: (x - y) % PRIME,
}
TWINS = {
    "squares": lambda x, y: {(a * s, b * t) for a, b in ((x, y), (y, x)) for s, t in SIGNS},
    "sum": lambda x, y: {(x, y), (y, x)},
    "product": lambda x, y: {(a * s, b * s) for a, b in ((x, y), (y, x)) for s in (1, -1)},
    "difference": lambda x, y: {(x, y)},
}
SIGNS = list(product((1, -1), repeat=2))


@pytest.mark.parametrize("name", OPERATIONS)
def test_tables_and_twins_are_those_of_brute_force(name):
    operation = OPERATIONS[name]
    table, orbits = operation.table(PRIME), operation.orbits(PRIME)
    for x, y in product(range(PRIME), repeat=2):
        assert table[x, y] == SLOW[name](x, y)
        twins = {(a % PRIME, b % PRIME) for a, b in TWINS[name](x, y)}
        assert {tuple(cell) for cell in np.argwhere(orbits == orbits[x, y])} == twins
        assert len({table[cell] for cell in twins}) == 1
    assert operation.commutes == (name != "difference")


@pytest.mark.parametrize("modulus", [13, 59, 97])
@pytest.mark.parametrize("shares", [(0.4, 0.4), (0.1, 0.75), (0.9, 0.333)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_as_many_cells_are_held_out_as_asked_for(name, shares, modulus):
    for hold_out, leaves in (("cells", 0), ("twins", 3)):
        world = AliasesWorld(modulus=modulus, operation=name, held_out=shares, hold_out=hold_out)
        for split, share in zip(world.material.splits, shares, strict=True):
            missing = round(share * modulus**2) - (split > 0).sum()
            assert 0 <= missing <= leaves
            test, sae = (split == 1).sum(), (split == 2).sum()
            assert abs(int(test) - int(sae)) <= (1 if hold_out == "cells" else 7)


def test_twins_are_held_out_together_and_cells_alone():
    orbits = OPERATIONS["squares"].orbits(59).ravel().tolist()
    for hold_out in ("twins", "cells"):
        splits = AliasesWorld(modulus=59, hold_out=hold_out).material.splits[0].ravel().tolist()
        kinds = {*zip(orbits, splits, strict=True)}
        assert (len(kinds) == len({*orbits})) == (hold_out == "twins")


def test_the_two_tables_are_held_out_apart_from_each_other():
    """Of all cells, the product of the shares is in neither: three standard errors for twins."""
    world = AliasesWorld(held_out=(0.5, 0.3))
    numbers, aliases = world.material.splits > 0
    orbits = len(np.unique(world.material.orbits))
    assert (numbers & aliases).mean() == pytest.approx(0.15, abs=3 * (0.13 / orbits) ** 0.5)
    other = AliasesWorld(held_out=(0.5, 0.3), drawing=1)
    assert (world.material.splits != other.material.splits).mean() > 0.3


def test_joined_tables_hold_out_what_neither_shows():
    apart, joined = AliasesWorld().material, AliasesWorld(joined=True).material
    assert np.array_equal(joined.apart, apart.splits)
    numbers, aliases = apart.splits
    for split in joined.splits:
        assert np.array_equal(split > 0, (numbers > 0) & (aliases > 0))
        assert np.array_equal(split[split > 0], numbers[split > 0])


def test_links_are_of_all_of_half_or_of_others():
    own = np.arange(97)
    for links in ("all", "one_way"):
        material = AliasesWorld(links=links).material
        assert np.array_equal(material.partner, own)
        assert np.array_equal(material.linked, own)
    half = AliasesWorld(links="half").material
    assert len(np.unique(half.linked)) == 48
    assert np.array_equal(half.partner, own)
    deranged = AliasesWorld(links="deranged").material
    assert np.array_equal(np.sort(deranged.partner), own)
    assert (deranged.partner != own).all()
    assert np.array_equal(deranged.partner[deranged.number_of], own)
    assert np.array_equal(deranged.linked, own)
    assert deranged.reliable.all()


def test_links_of_reliable_numbers_are_true_and_two_in_three_of_the_others_are_not():
    for modulus, exceptions in ((97, 16), (13, 2)):
        material = AliasesWorld(modulus=modulus, links="tagged").material
        true = material.partner == np.arange(modulus)
        assert material.reliable.sum() == modulus // 2
        assert true[material.reliable].all()
        assert true[~material.reliable].sum() == exceptions
        # The links of the others are among them, one each.
        assert np.array_equal(np.sort(material.partner), np.arange(modulus))
    other = AliasesWorld(links="tagged", drawing=1).material
    assert (other.reliable != AliasesWorld(links="tagged").material.reliable).any()


def test_twins_that_are_trained_on_are_counted():
    material = AliasesWorld(modulus=13, hold_out="cells").material
    for table, (x, y) in product(range(2), ((0, 0), (3, 5), (4, 4))):
        twins = {(a % 13, b % 13) for a, b in TWINS["squares"](x, y)} - {(x, y)}
        trained = sum(material.splits[table][twin] == 0 for twin in twins)
        assert material.twins[table, x, y] == trained


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"modulus": 96}, "world.modulus must be a prime from 5 to 32000, got 96"),
        ({"modulus": 3}, "a prime from 5"),
        ({"modulus": 99991}, "to 32000, got 99991"),
        ({"held_out": (0.4, 0.0)}, "two shares above 0 and at most 0.98, got 0.4 0"),
        ({"held_out": (0.99, 0.4)}, "got 0.99 0.4"),
        ({"weights": (0.0, 0.0, 0.0)}, "three amounts, 0 or more and one above 0, got 0 0 0"),
        ({"weights": (1.0, -1.0, 0.0)}, "got 1 -1 0"),
        ({"weights": (1.0, float("nan"), 0.0)}, "got 1 nan 0"),
        ({"tasks": ()}, "world.tasks is empty"),
        ({"tasks": ("numbers", "numbers")}, "names a task twice"),
        ({"tasks": ("letters",)}, "unknown task 'letters'; known: numbers, aliases, links"),
    ],
)
def test_what_cannot_be_is_refused_by_name(options, says):
    with pytest.raises(UserError, match=says):
        AliasesWorld(**options)


def test_a_table_too_small_to_hold_out_so_few_says_so():
    world = AliasesWorld(modulus=5, held_out=(0.04, 0.04))
    with pytest.raises(UserError, match="too few cells to hold out"):
        world.units()
