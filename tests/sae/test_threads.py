"""Jobs side by side: results in order, errors passed on."""

from __future__ import annotations

import time
from functools import partial

import pytest

from sae.threads import side_by_side


def late(value: int) -> int:
    time.sleep(0.02 * max(0, 3 - value))
    return value


def test_results_come_in_order():
    assert list(side_by_side([partial(late, n) for n in range(4)])) == [0, 1, 2, 3]
    assert list(side_by_side([])) == []


def test_errors_are_passed_on():
    with pytest.raises(ZeroDivisionError):
        list(side_by_side([partial(late, 0), lambda: 1 // 0]))
