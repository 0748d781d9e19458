"""What is said of strings of brackets, against all strings of eight and slow readings of each."""

from math import comb

import numpy as np
import pytest

from tests.helpers.brackets import every, padded
from world.brackets.nesting import (
    BALANCED,
    CLOSE,
    EQUAL,
    KINDS,
    OPEN,
    RULES,
    UNEQUAL,
    accepts,
    depths,
    heights,
    kinds_of,
    lengths,
    lows,
    mirrored,
    partners,
)

ALL = every(8)


def read(string):
    """One string as plain Python has it: heights, partners, and whether it is balanced."""
    height, stack, partner = [], [], [-1] * len(string)
    for place, bracket in enumerate(string):
        height.append((height[-1] if height else 0) + (1 if bracket == OPEN else -1))
        if bracket == OPEN:
            stack.append(place)
        elif stack:
            partner[place] = stack.pop()
            partner[partner[place]] = place
    return height, partner, all(p >= 0 for p in partner)


READ = [read(string) for string in ALL.tolist()]


def test_all_strings_of_eight():
    kinds = kinds_of(ALL)
    assert len(ALL) == 256
    assert (kinds == BALANCED).sum() == 14
    assert np.isin(kinds, (BALANCED, *EQUAL)).sum() == 70
    assert np.isin(kinds, UNEQUAL).sum() == 186


def test_kinds_are_a_partition_stated_exactly():
    assert sorted((BALANCED, *UNEQUAL, *EQUAL)) == list(range(len(KINDS)))
    for string, kind, (height, _, balanced) in zip(
        ALL.tolist(), kinds_of(ALL).tolist(), READ, strict=True
    ):
        wrong, dips, first = height[-1] != 0, min(height) < 0, string[0] == CLOSE
        holds = {
            "balanced": balanced,
            "count": wrong and not dips,
            "count_dip": wrong and dips and not first,
            "count_dip_first": wrong and first,
            "dip": not wrong and dips and not first,
            "dip_first": not wrong and first,
        }
        assert [name for name in KINDS if holds[name]] == [KINDS[kind]]
    # At four brackets there is one of each kind already.
    assert set(kinds_of(every(4))) == set(range(len(KINDS)))


def test_heights_partners_and_depths():
    assert heights(ALL).tolist() == [height for height, _, _ in READ]
    assert partners(ALL).tolist() == [partner for _, partner, _ in READ]
    for string, depth, low in zip(ALL.tolist(), depths(ALL), lows(heights(ALL)), strict=True):
        height = read(string)[0]
        first = next((k for k, h in enumerate(height) if h < 0), len(height))
        assert depth == max(height[:first], default=0)
        assert low.tolist() == [min(0, *height[: k + 1]) for k in range(len(height))]


def test_what_follows_the_end_says_nothing():
    short = padded("()", "(", "())(", ")(", "((()))")
    assert lengths(short).tolist() == [2, 1, 4, 2, 6]
    assert [KINDS[k] for k in kinds_of(short)] == [
        *("balanced", "count", "dip", "dip_first", "balanced"),
    ]
    assert depths(short).tolist() == [1, 1, 1, 0, 3]
    assert partners(short)[2].tolist() == [1, 0, -1, -1, -1, -1, -1, -1]


def test_the_mirror_image_is_read_from_the_end():
    assert np.array_equal(mirrored(padded("(()")), padded("())"))
    assert np.array_equal(mirrored(mirrored(ALL)), ALL)
    image, kinds = kinds_of(mirrored(ALL)), kinds_of(ALL)
    for alike in ((BALANCED,), EQUAL, UNEQUAL):
        assert np.array_equal(np.isin(image, alike), np.isin(kinds, alike))
    assert not np.array_equal(image, kinds)
    short = padded("()((", "))", "")
    assert np.array_equal(mirrored(mirrored(short)), short)


@pytest.mark.parametrize("length", [4, 8, 12, 16])
def test_rules_score_what_they_must_on_equal_counts(length):
    """nested 1, count 0, first symbol (m + 1) / 2m with m = length / 2: .5625 at 16."""
    strings, m = every(length), length // 2
    balanced, equal = accepts("nested", strings), accepts("count", strings)
    assert equal.sum() == comb(length, m)
    assert balanced.sum() == comb(length, m) // (m + 1)  # Catalan's number
    hard = strings[equal & ~balanced]
    score = {rule: 1 - accepts(rule, hard).mean() for rule in RULES}
    assert score["nested"] == 1
    assert score["count"] == 0
    assert score["first symbol"] == pytest.approx((m + 1) / (2 * m))
    # Where the count is wrong they all agree, so that nothing there tells them apart.
    easy = strings[~equal]
    assert not any(accepts(rule, easy).any() for rule in RULES)
    assert all(accepts(rule, strings[balanced]).all() for rule in RULES)


@pytest.mark.parametrize(("length", "share"), [(16, 0.196), (20, 0.176), (32, 0.140), (40, 0.125)])
def test_equal_counts_are_as_rare_as_they_are(length, share):
    assert comb(length, length // 2) / 2**length == pytest.approx(share, abs=6e-4)


def test_an_unknown_rule_is_none():
    with pytest.raises(KeyError):
        accepts("stack", ALL)
