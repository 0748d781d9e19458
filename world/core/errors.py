"""The one exception type for what a user can mend: a flag, a file, a missing earlier stage."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

ERROR_PREFIX = "culture-sim: error: "
"""What a line on stderr begins with that tells of a UserError."""


class UserError(ValueError):
    """A mistake the user can mend; its message is one line saying what is wrong and what to do."""


def first_line(error: Exception) -> str:
    """What an error says, in one line; its type where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


class Limit(NamedTuple):
    """What an option's number must be, in words and as a test, which NaN must fail."""

    words: str
    holds: Callable[[float], bool]


COUNT = Limit("at least 1", lambda x: 1 <= x < inf)
AMOUNT = Limit("0 or more and finite", lambda x: 0 <= x < inf)
POSITIVE = Limit("positive and finite", lambda x: 0 < x < inf)
SHARE = Limit("in [0, 1]", lambda x: 0 <= x <= 1)
FRACTION = Limit("in [0, 1)", lambda x: 0 <= x < 1)


def require(options: object, part: str, limit: Limit, *names: str) -> None:
    """Raise UserError unless each of these options of a part, such as "train", is in its limit."""
    for name in names:
        value = getattr(options, name)
        if not limit.holds(value):
            raise UserError(f"{part}.{name} must be {limit.words}, got {value}")
