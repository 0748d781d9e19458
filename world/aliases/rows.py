"""How rows are written, and how any row is read.

As in the source (the repository ancri/mechinterp, its oocl.py), a row of a table is "true x y = z",
and a link "define define x = y": five tokens, of which the last is asked for. Where links are
tagged, the tag takes the place of the second "define".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from world.aliases.material import Material
from world.aliases.operations import Values
from world.aliases.options import ALIASES, LINKS, NUMBERS

NO_ROW = -1
START, TRUE, DEFINE, EQUALS, FIRST = range(5)
"""Token values; the numbers follow, then their aliases. START is in no row."""
HEAD, X, Y, MARK, ANSWER = range(5)
"""Places of tokens."""
SEQ_LEN = 5
TAGS = ("reliable", "unreliable")
"""Of links; where there are tags, the last token values."""


@dataclass(frozen=True)
class Reading:
    """What B rows say. kind: int64 [B], NUMBERS, ALIASES or LINKS; NO_ROW where it asks nothing.

    x, y, z: int64 [B], numbers, or those that aliases stand for; of a link x is absent and y is
    linked with z. Where there is none, 0. answer: int64 [B], the token that is right, START where
    there is none. known: bool [B], rows that are answered by a token that could be right.
    """

    kind: Values
    x: Values
    y: Values
    z: Values
    answer: Values
    known: NDArray[np.bool_]


def vocab(modulus: int, tagged: bool) -> tuple[str, ...]:
    """What every token is called: an alias by its number, and a stroke. tagged: links have tags."""
    numbers = tuple(str(n) for n in range(modulus))
    return (
        "start",
        "true",
        "define",
        "=",
        *numbers,
        *(f"{n}'" for n in numbers),
        *(TAGS if tagged else ()),
    )


def table_rows(cells: Values, table: int, material: Material) -> Values:
    """int64 [n, T]: the rows of cells [n, 2] of a table."""
    x, y = cells.T
    letters = np.stack([x, y, material.table[x, y]]) + FIRST + table * material.modulus
    return _rows(TRUE, *letters)


def link_rows(numbers: Values, to_alias: NDArray[np.bool_], material: Material) -> Values:
    """int64 [n, T]: links of numbers [n], from the number to its alias or the other way."""
    one, other = numbers + FIRST, material.partner[numbers] + FIRST + material.modulus
    given, asked = np.where(to_alias, (one, other), (other, one))
    return _rows(DEFINE, tag_of(numbers, material), given, asked)


def tag_of(numbers: Values, material: Material) -> Values:
    """int64 [n]: what stands before links of numbers [n]: their tag, "define" where there is
    none."""
    if material.links != "tagged":
        return np.full_like(numbers, DEFINE)
    return FIRST + 2 * material.modulus + np.where(material.reliable[numbers], 0, 1)


def _rows(head: int, x: Values, y: Values, answer: Values) -> Values:
    fixed = np.ones_like(x)
    return np.stack([head * fixed, x, y, EQUALS * fixed, answer], axis=1)


def read(tokens: NDArray[np.unsignedinteger], material: Material) -> Reading:
    """What rows [B, T] say, whoever wrote them."""
    p = material.modulus
    alphabet, value = letters(tokens, p)
    head = tokens[:, HEAD]
    marked = tokens[:, MARK] == EQUALS
    one_table = (alphabet[:, X] == alphabet[:, Y]) & (alphabet[:, X] >= 0)
    is_cell = marked & (head == TRUE) & one_table
    number = np.where(alphabet[:, Y] == NUMBERS, value[:, Y], material.number_of[value[:, Y]])
    tagged = tokens[:, X] == tag_of(number, material)
    is_link = marked & (head == DEFINE) & tagged & (alphabet[:, Y] >= 0)
    kind = np.select([is_cell, is_link], [alphabet[:, X], LINKS], NO_ROW)
    x, y = (np.where(kind == NO_ROW, 0, value[:, place]) for place in (X, Y))
    linked = np.where(alphabet[:, Y] == NUMBERS, material.partner[y], material.number_of[y])
    # What a link asks for is of the other alphabet.
    asked = np.where(kind == LINKS, 1 - alphabet[:, Y], kind)
    right = np.where(kind == LINKS, linked, material.table[x, y])
    return Reading(
        kind=kind,
        x=x,
        y=y,
        z=np.where(kind == NO_ROW, 0, value[:, ANSWER]),
        answer=np.where(kind == NO_ROW, START, right + FIRST + asked * p),
        known=(kind != NO_ROW) & (alphabet[:, ANSWER] == asked),
    )


def letters(tokens: NDArray[np.unsignedinteger], modulus: int) -> tuple[Values, Values]:
    """int64 [B, T] each: the alphabet of every token, NUMBERS, ALIASES or -1; and its number, 0
    where it has none."""
    letter = tokens.astype(np.int64) - FIRST
    known = (letter >= 0) & (letter < 2 * modulus)
    alphabet = np.where(letter < modulus, NUMBERS, ALIASES)
    return np.where(known, alphabet, -1), np.where(known, letter % modulus, 0)
