"""What a row of words says, found by a grammar: it shares nothing with what draws sentences.

Each word is one character of a text, so that the grammar is a few regular expressions and a place
in the text is a place in the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from world.names.sentences import CLAUSE, Codec, Sentences, Values
from world.names.words import BLANK, CONTENT, ENDINGS, FILLED, OPENINGS, WHILE

NONE, SENTENCE, REPEAT = range(3)
"""Kinds of rows."""
CHUNK = 4096
"""Rows that are read at once: what is known of one takes kilobytes meanwhile."""
SHORTEST = 4
"""Words of the shortest block that is repeated."""
PLACES = ("start", "first", "second", "place", "other", "giver", "object", "end", "answer")
"""What is found in a sentence, by name: its first word, the two names, the place, the first of the
others, the name of who gives, the object, its last word, and the answer."""
_FIRST = 0x100
"""The character of value 0: no character from here on means anything in an expression."""


@dataclass(frozen=True)
class Reading:
    """What B rows are, in layout 0.

    kind: int8 [B]: NONE, SENTENCE or REPEAT. sentences: what those of kind SENTENCE are made of;
    of the others it means nothing. at: by name of ``PLACES``, int64 [B], where each stands; -1
    for nowhere. length: int64 [B], words of a block that is repeated, else 0.
    """

    kind: NDArray[np.int8]
    sentences: Sentences
    at: Mapping[str, Values]
    length: Values


class Grammar:
    """Reads rows that a codec writes, or that anybody else did."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        fillers, blanks = self._set("filler"), chr(_FIRST + BLANK)
        clause = f"{self._word(WHILE)}{self._set('name')}{self._set('verb')}"
        before = f"{blanks}*(?P<prefix>{fillers}{{0,{codec.prefix}}})"
        between = (
            f"(?P<others>(?:{clause}){{{codec.distractors}}})(?P<gap>{fillers}{{0,{codec.gap}}})"
        )
        behind = f"(?P<late>{fillers}{{0,{codec.gap}}})"
        self._heads = [
            re.compile(f"{before}{self._half(half)}{between}")
            for half in OPENINGS[: codec.templates]
        ]
        halves = (half.split() for half in ENDINGS[: codec.templates])
        self._tails = [
            re.compile(f"{self._half(giver)}{behind}{self._half(' '.join(rest))}")
            for giver, *rest in halves
        ]

    def _word(self, word: str) -> str:
        return chr(_FIRST + self.codec.words.value(word))

    def _set(self, kind: str) -> str:
        """An expression for any word of a class."""
        return f"[{''.join(chr(_FIRST + v) for v in self.codec.words.values(kind).tolist())}]"

    def _half(self, half: str) -> str:
        """An expression for one half of a sentence; what is filled in is a group of that name."""
        kinds = dict(zip(FILLED, ("name", "name", "name", "place", "object"), strict=True))
        return "".join(
            f"(?P<{word}>{self._set(kinds[word])})" if word in FILLED else self._word(word)
            for word in half.split()
        )

    @cached_property
    def _content(self) -> frozenset[int]:
        """Values that a block may hold."""
        return frozenset(v for kind in CONTENT for v in self.codec.words.values(kind).tolist())

    def read(self, tokens: NDArray[np.unsignedinteger]) -> Reading:
        """What rows [B, T] in layout 0 are, whatever their answers."""
        starts = range(0, max(len(tokens), 1), CHUNK)
        return _joined([self._read_some(tokens[start : start + CHUNK]) for start in starts])

    def _read_some(self, tokens: NDArray[np.unsignedinteger]) -> Reading:
        rows = [_Row(self.codec) for _ in tokens]
        for row, words in zip(rows, tokens[:, : self.codec.answer].tolist(), strict=True):
            self._read(row, words)
        return _gathered(rows, self.codec)

    def _read(self, row: _Row, words: list[int]) -> None:
        text = "".join(map(chr, (_FIRST + word for word in words)))
        for opening, ending, head, tail in self._matches(text):
            row.found(opening, ending, head, tail)
            return
        row.repeated([word for word in words if word != BLANK], self._content)

    def _matches(self, text: str) -> Iterator[tuple[int, int, re.Match[str], re.Match[str]]]:
        """The openings and endings that a text has."""
        for opening, head in enumerate(self._heads):
            if (begun := head.match(text)) is None:
                continue
            for ending, tail in enumerate(self._tails):
                if (ended := tail.fullmatch(text, begun.end())) is not None:
                    yield opening, ending, begun, ended


class _Row:
    """One row while it is read."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.kind, self.length = NONE, 0
        self.numbers = [0] * 7
        self.lists: list[list[int]] = [[0] * n for n in _sizes(codec)]
        self.at = dict.fromkeys(PLACES, -1)

    def found(self, opening: int, ending: int, head: re.Match[str], tail: re.Match[str]) -> None:
        """It is a sentence, unless it says the same name where two are meant."""
        one, other, giver, place, thing = (
            *(ord(head["A"]), ord(head["B"]), ord(tail["S"])),
            *(ord(head["PLACE"]), ord(tail["OBJECT"])),
        )
        # Of a clause, the second word is a name and the third a verb.
        others = head["others"][1::CLAUSE]
        if _confused(head["A"], head["B"], tail["S"], others):
            return
        self.kind = SENTENCE
        values = (one - _FIRST, other - _FIRST, giver - _FIRST, place - _FIRST, thing - _FIRST)
        self.numbers = [opening, ending, *values]
        texts = head["prefix"], head["gap"], tail["late"], others, head["others"][2::CLAUSE]
        for own, text in zip(self.lists, texts, strict=True):
            own[: len(text)] = [ord(word) - _FIRST for word in text]
        end = self.codec.answer - 1
        self.at |= {
            "start": head.start("prefix"),
            "first": head.start("A"),
            "second": head.start("B"),
            "place": head.start("PLACE"),
            "giver": tail.start("S"),
            "object": tail.start("OBJECT"),
            "end": end,
            "answer": end + 1,
            "other": head.start("others") + 1 if others else -1,
        }

    def repeated(self, words: list[int], content: frozenset[int]) -> None:
        """It is a block of different words, and the block again but for its last word."""
        length = (len(words) + 1) // 2
        block = words[:length]
        if len(words) % 2 == 0 or length < SHORTEST or words[length:] != block[:-1]:
            return
        if len({*block}) == length and {*block} <= content:
            self.kind, self.length = REPEAT, length


def _sizes(codec: Codec) -> tuple[int, ...]:
    """Most words of each list of a sentence."""
    return codec.prefix, codec.gap, codec.gap, codec.distractors, codec.distractors


def _gathered(rows: list[_Row], codec: Codec) -> Reading:
    """What was found in all rows."""
    numbers = np.array([row.numbers for row in rows], dtype=np.int64).reshape(len(rows), 7)
    lists = [
        np.array([row.lists[k] for row in rows], dtype=np.int64).reshape(len(rows), size)
        for k, size in enumerate(_sizes(codec))
    ]
    return Reading(
        np.array([row.kind for row in rows], dtype=np.int8),
        Sentences(*numbers.T, *lists),
        {name: np.array([row.at[name] for row in rows], dtype=np.int64) for name in PLACES},
        np.array([row.length for row in rows], dtype=np.int64),
    )


def _joined(readings: list[Reading]) -> Reading:
    """One reading of all rows, in order."""
    made = [
        np.concatenate([getattr(reading.sentences, field.name) for reading in readings])
        for field in fields(Sentences)
    ]
    return Reading(
        np.concatenate([reading.kind for reading in readings]),
        Sentences(*made),
        {name: np.concatenate([reading.at[name] for reading in readings]) for name in PLACES},
        np.concatenate([reading.length for reading in readings]),
    )


def _confused(one: str, other: str, giver: str, others: str) -> bool:
    """Whether a name is said again where it may not be: of all, only the one of the two who does
    not give may be among the others, and no one may be among them twice."""
    again = {one, other} & {*others}
    if one == other or giver in others or len({*others}) < len(others):
        return True
    return len(again) > 1 or (bool(again) and giver not in (one, other))
