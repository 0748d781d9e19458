"""A probe finds a planted direction, and puts a value along it as its formula says."""

from __future__ import annotations

import numpy as np
import pytest

from agents.circuits.probes.linear import LinearProbe, ProbeOptions, fit_linear
from world.core.errors import UserError

N, D = 400, 6
SCALES = np.array([1.0, 10, 0.1, 1, 5, 0])
"""Of the activations, of which the last does not vary."""


@pytest.fixture
def x():
    return (np.random.default_rng(0).standard_normal((N, D)) * SCALES + 3).astype(np.float32)


@pytest.fixture
def number(x):
    """A probe for a number that is x_1 - 20 x_2 + 2."""
    return fit_linear("site", "number", x, planted(x), 1e-6)


def planted(x):
    return (x[:, 1] - 20 * x[:, 2] + 2).astype(np.float64)


def classes(x):
    """Three classes, by the largest of three columns."""
    return ((x - 3)[:, [0, 3, 2]] / SCALES[[0, 3, 2]]).argmax(axis=1) + 4.0


def test_a_number_is_read(x, number):
    np.testing.assert_allclose(number.read(x)[:, 0], planted(x), atol=1e-3)
    assert number.bias == pytest.approx(planted(x).mean())
    assert number.read(number.mean)[0] == number.bias[0]
    assert number.weight[0, 5] == number.scale[5] == 0


def test_a_stronger_penalty_reads_less(x):
    probe = fit_linear("site", "number", x, planted(x), 1.0)
    way = probe.read(x)[:, 0] - probe.bias
    assert way.std() / planted(x).std() == pytest.approx(0.5, abs=0.05)


def test_put_is_the_shortest_edit_to_a_value(x, number):
    """h + scale * (v - v_h) w / |w|^2: what is read afterwards is the value, and no other edit
    that reads it is as short in standard deviations."""
    value = np.linspace(-40, 40, N)[:, None]
    put = number.put(x, value)
    np.testing.assert_allclose(number.read(put), value, atol=1e-6)
    w = number.weight[0]
    expected = x + number.scale * (value - number.read(x)) * w / (w @ w)
    np.testing.assert_allclose(put, expected)
    moved = number.standardised(put) - number.standardised(x)
    sideways = np.random.default_rng(1).standard_normal(D) * (number.scale > 0)
    sideways -= (sideways @ w) * w / (w @ w)
    np.testing.assert_allclose(moved @ sideways, 0, atol=1e-6)


def test_what_does_not_vary_is_not_touched(x, number):
    put = number.put(x, np.zeros((N, 1)))
    assert (put[:, 5] == x[:, 5]).all()


def test_two_classes_are_read_as_log_odds(x):
    high = planted(x) > planted(x).mean()
    probe = fit_linear("site", "class", x, high * 2.0 + 5, 1e-3)
    assert probe.classes.tolist() == [5, 7]
    assert ((probe.read(x)[:, 0] > 0) == high).mean() > 0.97
    odds = probe.log_odds(x)
    np.testing.assert_allclose(odds[:, 1] - odds[:, 0], probe.read(x)[:, 0])


def test_of_three_classes_a_donor_is_put_whole(x):
    probe = fit_linear("site", "class", x, classes(x), 1e-2)
    assert probe.classes.tolist() == [4, 5, 6]
    told = probe.classes[probe.read(x).argmax(axis=1)]
    assert (told == classes(x)).mean() > 0.9
    value = probe.read(x[::-1].copy())
    np.testing.assert_allclose(probe.read(probe.put(x, value)), value, atol=1e-6)


def test_heads_and_positions_may_stand_before_the_width(x, number):
    shaped = x.reshape(20, 20, D)
    np.testing.assert_allclose(number.read(shaped).reshape(N, 1), number.read(x))
    assert number.put(shaped, np.zeros((20, 20, 1))).shape == (20, 20, D)


def test_a_direction_of_nothing_moves_nothing(x):
    zeros = np.zeros(D)
    probe = LinearProbe("site", zeros, zeros + 1, np.zeros((1, D)), np.zeros(1), np.zeros(0, int))
    assert (probe.put(x, np.ones((N, 1))) == x).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folds": 1}, "probe.folds must be at least 2, got 1"),
        ({"penalty": 0.0}, "probe.penalty must be positive"),
        ({"permutations": -1}, "probe.permutations must be 0 or more"),
        ({"resamples": 0}, "probe.resamples must be at least 1"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        ProbeOptions(**options)
