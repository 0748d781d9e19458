"""The words of the names world, and the two halves that its sentences are put together from.

An opening has two names and a place, an ending has one of the two, who gives, and an object. In
both, capitals stand for what is filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BLANK, THEM = 0, 1
"""Values of what stands around a sentence, and of the answer where no name is said twice."""

NAMES = (
    *("Mary", "John", "Anna", "Paul", "Lucy", "Mark", "Alice", "Peter", "Emma", "David"),
    *("Sarah", "James", "Laura", "Kevin", "Julia", "Simon", "Helen", "Brian", "Nora", "Oscar"),
    *("Clara", "Henry", "Diana", "Frank", "Grace", "Louis", "Ella", "Max", "Irene", "Victor"),
    *("Ruth", "Tom", "Sophie", "Jack", "Nina", "Adam", "Olga", "Felix", "Martha", "George"),
    *("Eva", "Hugo", "Rosa", "Leo", "Vera", "Ivan", "Lena", "Carl", "Judith", "Roger"),
    *("Amy", "Ben", "Carol", "Dan", "Edith", "Fred", "Gina", "Harry", "Iris", "Jason"),
    *("Karen", "Luke", "Monica", "Nathan", "Olive", "Philip", "Rachel", "Steven", "Tina", "Walter"),
    *("Zoe", "Andrew", "Betty", "Colin", "Doris", "Eric", "Flora", "Glen", "Hannah", "Isaac"),
    *("Jenny", "Keith", "Linda", "Martin", "Naomi", "Owen", "Paula", "Robert", "Susan", "Toby"),
    *("Ursula", "Vincent", "Wendy", "Albert", "Bella", "Chris", "Donna", "Edgar", "Fiona", "Gavin"),
)
PLACES = (
    *("park", "school", "market", "beach", "bakery"),
    *("library", "station", "garden", "harbour", "museum"),
)
OBJECTS = ("ring", "book", "ball", "drink", "coat", "letter", "lamp", "cake", "map", "kite")
FILLERS = (
    *("again", "calmly", "gladly", "lately", "often", "perhaps"),
    *("quickly", "quietly", "really", "slowly", "soon", "still"),
)
VERBS = ("laughed", "slept", "waved", "sang")
"""What somebody else does, in a clause of three words."""
WHILE = "as"
"""Begins that clause; a name follows, then a verb."""

A, B, S, PLACE, OBJECT = FILLED = ("A", "B", "S", "PLACE", "OBJECT")
"""The first name, the second, the one who gives, the place, the object."""
OPENINGS = (
    "Then A and B went to the PLACE",
    "When A and B were at the PLACE",
    "After A met B in the PLACE",
    "While A sat with B by the PLACE",
    "Once A saw B near the PLACE",
    "Today A left the PLACE with B",
    "At the PLACE A talked to B",
    "Near the PLACE lived A and B",
)
ENDINGS = (
    "S gave a OBJECT to",
    "S handed the OBJECT to",
    "S had a OBJECT for",
    "S wanted to sell the OBJECT to",
    "S took the OBJECT over to",
    "S sent a OBJECT back to",
    "S bought the new OBJECT for",
    "S offered a OBJECT to",
)
FIXED = tuple(
    dict.fromkeys(
        word for half in (*OPENINGS, *ENDINGS) for word in half.split() if word not in FILLED
    )
)
"""Words that stand in a half as they are."""
CLASSES = ("fixed", "verb", "filler", "place", "object", "name")
"""Kinds of words; ``them`` and ``as`` are fixed ones."""
CONTENT = ("filler", "place", "object", "name")
"""Kinds of words that a repeated block may have."""


@dataclass(frozen=True)
class Words:
    """The vocabulary with so many names; V values."""

    names: int

    @property
    def by_class(self) -> tuple[tuple[str, ...], ...]:
        """The words of each of ``CLASSES``, in the order of their values from 1 on."""
        fixed = ("them", WHILE, *FIXED)
        return fixed, VERBS, FILLERS, PLACES, OBJECTS, NAMES[: self.names]

    @cached_property
    def vocab(self) -> tuple[str, ...]:
        """V words, blank first."""
        return ("blank", *(word for words in self.by_class for word in words))

    @cached_property
    def class_of(self) -> NDArray[np.int16]:
        """int16 [V]: index into ``CLASSES`` of each value; -1 for the blank."""
        sizes = [1, *map(len, self.by_class)]
        return np.repeat(np.arange(-1, len(CLASSES)), sizes).astype(np.int16)

    def value(self, word: str) -> int:
        """The value of a word."""
        return self.vocab.index(word)

    def values(self, kind: str) -> NDArray[np.int64]:
        """int64: the values of a class of words."""
        return np.flatnonzero(self.class_of == CLASSES.index(kind))
