"""Sentences with one thing changed, for patching, and where everything stands in both.

Two sentences of a pair need not be aligned: places are columns with names, one for each sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from world.core.flips import FlipRoles
from world.names.drawing import Source
from world.names.sentences import Codec, Sentences, Values
from world.names.words import BLANK

IO, S, BOTH, ORDER, GIVER = "io", "s", "both", "order", "giver"
S1, S2, PREFIX, GAP, DISTANCE, SCENERY, MOVED = (
    *("s1", "s2", "prefix", "gap", "distance"),
    *("scenery", "moved"),
)
FLIPS: Mapping[str, str] = {
    IO: "another name in the place of the one who does not give",
    S: "another name in both places of the one who gives",
    BOTH: "two other names",
    ORDER: "the two names in each other's place, the same one gives",
    GIVER: "the other of the two gives",
    S1: "another name for the one who gives, where it is first said: three names",
    S2: "another name where it is said again: three names",
    PREFIX: "another number of fillers before the sentence",
    GAP: "another number of fillers before the one who gives is said again",
    DISTANCE: "another number of fillers between that and the end",
    SCENERY: "another place and another object: what patching does to what should not matter",
    MOVED: "the same sentence with the answer in another place of the sequence",
}
"""What can be changed of a sentence in which one of two gives, by name."""
OTHER_ANSWER = (IO, BOTH, GIVER)
OF_THREE = (S1, S2)
"""Flips after which another name is right, and those after which it is ``them``."""


ROLES = FlipRoles(right="io", wrong="s", end="end", telling=GIVER, idle=(SCENERY,))
"""Columns of a side are ``io`` and ``s1``, the names of the one who does not give and of the one
who does; ``after_s1``, the token behind; ``s2``, the second time; ``end``, the last word;
``answer``. After a flip to three names, ``io`` is the place that it was. Features are ``io`` and
``s``, values of the names said there, and what ``NamesWorld.describe`` counts."""


def possible(codec: Codec) -> tuple[str, ...]:
    """The flips that a codec has room for."""
    room = {PREFIX: codec.prefix, GAP: codec.gap, DISTANCE: codec.gap, MOVED: codec.floats}
    return tuple(kind for kind in FLIPS if room.get(kind, 1))


def flipped(source: Source, sentences: Sentences, kind: str, rng: np.random.Generator) -> Sentences:
    """The sentences, in all of which one of two gives, with one thing changed."""
    return replace(sentences, **_changes(source, sentences, kind, rng))


def _changes(
    source: Source, now: Sentences, kind: str, rng: np.random.Generator
) -> dict[str, Values]:
    """What of the sentences becomes what."""
    codec = source.codec
    if kind == ORDER:
        return {"first": now.second, "second": now.first}
    if kind == GIVER:
        return {"giver": now.answers}
    if kind == PREFIX:
        return {"prefix": _other_fillers(source, now.prefix, rng)}
    if kind == GAP:
        return {"gap": _other_fillers(source, now.gap, rng)}
    if kind == DISTANCE:
        return {"late": _other_fillers(source, now.late, rng)}
    if kind == SCENERY:
        words = {"place": now.place, "object": now.object}
        return {name: _another(codec.words.values(name), v, rng) for name, v in words.items()}
    return {} if kind == MOVED else _other_names(source, now, kind, rng)


def _other_names(
    source: Source, now: Sentences, kind: str, rng: np.random.Generator
) -> dict[str, Values]:
    """The same for flips that bring in names."""
    known = np.concatenate([np.stack([now.first, now.second], axis=1), now.others], axis=1)
    one, other = source.strangers(rng, known, 2).T
    gives_first = now.giver == now.first
    io, s1, giver = {
        IO: (one, now.giver, now.giver),
        S: (now.answers, one, one),
        BOTH: (one, other, other),
        S1: (now.answers, one, now.giver),
        S2: (now.answers, now.giver, one),
    }[kind]
    return {
        "first": np.where(gives_first, s1, io),
        "second": np.where(gives_first, io, s1),
        "giver": giver,
    }


def _other_fillers(source: Source, now: Values, rng: np.random.Generator) -> Values:
    count, most = now.shape
    return source.fillers(rng, count, most, but=(now != BLANK).sum(axis=1))


def _another(values: Values, now: Values, rng: np.random.Generator) -> Values:
    """int64 [B]: another of some consecutive values than the one that is."""
    step = rng.integers(1, len(values), size=len(now))
    return np.asarray(values[0] + (now - values[0] + step) % len(values))


def io_is_first(base: Sentences, now: Sentences) -> NDArray[np.bool_]:
    """bool [B]: whether the first name is that of the one who does not give; where a third gives,
    as it was in ``base``."""
    third = (now.giver != now.first) & (now.giver != now.second)
    return np.where(third, base.giver, now.giver) == np.where(third, base.second, now.second)
