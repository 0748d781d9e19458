"""What features respond to in text: the tokens that excite them most, with those around them.

Codes lie on the disk in the order of cells, not of the text. One pass finds each feature's highest
tokens; another reads what it, and the others of its family, do around them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from sae.comparison.examples import BINS, LEVELS, QUIZZES, Examples, histogram_bin
from sae.matching.families import Family
from sae.matching.features import Features
from sae.streamed.spool import Store

BEFORE, AFTER = 23, 8
"""Tokens that are shown before and behind the one that excites a feature most."""
LENGTH = BEFORE + 1 + AFTER
Places = NDArray[np.int64]
"""Tokens by their number among all; -1 for none."""


@dataclass(frozen=True)
class Texts:
    """The tokens of D documents, on the disk.

    path: int32, all tokens one after the other. starts: int64 [D + 1], where documents begin.
    kinds: int64 [D], place among ``kind_names``, -1 for none.
    """

    path: Path
    starts: Places
    kinds: NDArray[np.int64]
    kind_names: tuple[str, ...]

    def windows(self, places: Places) -> Places:
        """int64 [n, LENGTH]: the tokens that are shown with each of n, -1 beyond its document."""
        document = self.document(places)[:, None]
        around = places[:, None] + np.arange(-BEFORE, AFTER + 1)
        inside = (around >= self.starts[document]) & (around < self.starts[document + 1])
        return np.where(inside & (places >= 0)[:, None], around, -1)

    def document(self, places: Places) -> NDArray[np.int64]:
        """int64 [n]: the document of each token."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def read(self, windows: Places) -> NDArray[np.int64]:
        """int64 [n, LENGTH]: the tokens of windows, -1 where there is none."""
        found = np.full(windows.shape, -1, dtype=np.int64)
        with self.path.open("rb") as file:
            for line, window in zip(found, windows, strict=True):
                there = window >= 0  # one stretch of a document
                if there.any():
                    file.seek(4 * int(window[there][0]))
                    line[there] = np.fromfile(file, dtype="<i4", count=int(there.sum()))
        return found


@dataclass(frozen=True)
class Tops:
    """The highest tokens of C features, of different documents, the highest first.

    value: float32 [C, QUIZZES], 0 past the last. place: int64 [C, QUIZZES], -1 past the last.
    """

    value: NDArray[np.float32]
    place: Places


class Lines:
    """What C features of a model do in some windows.

    keys: int64, token times C plus feature, of all that may be asked for. Levels are activations
    over the feature's highest. histogram: int64 [C, BINS], of all activations.
    """

    def __init__(self, size: int, keys: NDArray[np.int64]) -> None:
        self._size, self._keys = size, np.unique(keys)
        self._level = np.zeros(len(self._keys), dtype=np.float32)
        self.histogram = np.zeros((size, BINS), dtype=np.int64)

    def add(self, place: Places, feature: NDArray[np.integer], level: NDArray[np.float32]) -> None:
        """Some activations above 0."""
        flat = feature.astype(np.int64) * BINS + histogram_bin(level)
        self.histogram += np.bincount(flat, minlength=self.histogram.size).reshape(-1, BINS)
        keys = place * self._size + feature
        at = np.searchsorted(self._keys, keys)
        at[at == len(self._keys)] = 0
        found = self._keys[at] == keys if len(self._keys) else np.zeros(len(keys), dtype=np.bool_)
        self._level[at[found]] = level[found]

    def read(self, feature: NDArray[np.int64], windows: Places) -> NDArray[np.float32]:
        """float32 [n, LENGTH]: levels of features [n] in windows [n, LENGTH], all of them asked for
        when this was made."""
        there = windows >= 0
        found = np.zeros(windows.shape, dtype=np.float32)
        keys = windows * self._size + feature[:, None]
        found[there] = self._level[np.searchsorted(self._keys, keys[there])]
        return found


Members = Sequence[Mapping[int, int]]
"""Of each family, the column of its member by model number."""


def find_contexts(
    families: Sequence[Family], features: Mapping[int, Features], store: Store, texts: Texts
) -> Examples:
    """The tokens that best activate every compared feature and every family, with their context.

    A context has the place of a quiz in the tables: ``quizzes`` has its tokens, and where it is.
    features: by model number.
    """
    _, source = np.unique(store.documents, return_inverse=True)
    tops = {number: _highest(found, store, source) for number, found in features.items()}
    columns = {n: {int(f): c for c, f in enumerate(found.index)} for n, found in features.items()}
    members = [{n: columns[n][f] for n, f in family.members.items()} for family in families]
    candidates = [_together([tops[n].place[c] for n, c in of.items()]) for of in members]
    lines = {
        number: _lines(number, found, store, texts, tops[number], members, candidates)
        for number, found in features.items()
    }
    shared = [
        _best(of, places, lines, texts, source)
        for of, places in zip(members, candidates, strict=True)
    ]
    shown = _together([*(t.place.ravel() for t in tops.values()), *shared])
    tables = [
        _feature_table(found, tops[number], lines[number], texts, shown).assign(agent=number)
        for number, found in features.items()
    ]
    whole = pd.concat(tables, ignore_index=True)
    return Examples(
        _context_table(shown, texts),
        whole[["agent", *whole.columns.drop("agent")]],
        _family_table(members, shared, lines, texts, shown),
    )


def _together(parts: Sequence[Places]) -> Places:
    """Different tokens, ascending."""
    places = np.unique(np.concatenate([*parts, np.zeros(0, dtype=np.int64)]))
    return places[places >= 0]


def _entries(
    features: Features, store: Store
) -> Iterator[tuple[NDArray[np.void], sparse.coo_array]]:
    """Rows of a block, and those of their codes [n, C] that are above 0."""
    for evaluation, codes in ((False, features.selection), (True, features.evaluation)):
        for block, values in zip(store.blocks(evaluation), codes.blocks(), strict=True):
            entries = values.tocoo()
            kept = entries.data > 0
            found = entries.data[kept], (entries.coords[0][kept], entries.coords[1][kept])
            yield store.rows(block), sparse.coo_array(found, shape=values.shape)


def _highest(features: Features, store: Store, source: NDArray[np.int64]) -> Tops:
    """source: int64 [D], equal for equal documents, of which one is enough."""
    value = np.zeros((features.compared, QUIZZES), dtype=np.float32)
    place = np.full((features.compared, QUIZZES), -1, dtype=np.int64)
    document = np.full((features.compared, QUIZZES), -1, dtype=np.int64)
    for rows, entries in _entries(features, store):
        row, column = entries.coords
        kept = entries.data > value[column, -1]
        row, column = row[kept], column[kept]
        held, slot = np.nonzero(place >= 0)
        of = np.concatenate([held, column])
        values = np.concatenate([value[held, slot], entries.data[kept]])
        places = np.concatenate([place[held, slot], rows["row"][row]])
        documents = np.concatenate([document[held, slot], source[rows["document"][row]]])
        # The highest of each document, then the highest of these.
        order = np.lexsort((places, -values, documents, of))
        first = order[_first(of[order], documents[order])]
        order = first[np.lexsort((places[first], -values[first], of[first]))]
        start = np.searchsorted(of[order], np.arange(features.compared))
        rank = np.arange(len(order)) - start[of[order]]
        order, rank = order[rank < QUIZZES], rank[rank < QUIZZES]
        at = of[order], rank
        value[at], place[at], document[at] = values[order], places[order], documents[order]
    return Tops(value, place)


def _first(*sorted_keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool [n]: whether a row is the first of those with its keys, which lie beside each other."""
    differs = np.zeros(max(len(sorted_keys[0]) - 1, 0), dtype=np.bool_)
    for key in sorted_keys:
        differs |= key[1:] != key[:-1]
    return np.concatenate([[True], differs])[: len(sorted_keys[0])]


def _lines(
    number: int,
    features: Features,
    store: Store,
    texts: Texts,
    tops: Tops,
    members: Members,
    candidates: Sequence[Places],
) -> Lines:
    """What a model's features do around their own highest tokens and those of their families."""
    column, slot = np.nonzero(tops.place >= 0)
    asked = [(column, tops.place[column, slot])]
    for of, places in zip(members, candidates, strict=True):
        if number in of:
            asked.append((np.full(len(places), of[number]), places))
    feature, place = (np.concatenate(part) for part in zip(*asked, strict=True))
    windows = texts.windows(place)
    keys = (windows * features.compared + feature[:, None])[windows >= 0]
    lines = Lines(features.compared, keys)
    highest = tops.value[:, 0]
    for rows, entries in _entries(features, store):
        row, column = entries.coords
        lines.add(rows["row"][row], column, entries.data / highest[column])
    return lines


def _best(
    members: Mapping[int, int],
    places: Places,
    lines: Mapping[int, Lines],
    texts: Texts,
    source: NDArray[np.int64],
) -> Places:
    """Up to QUIZZES tokens of different documents by the mean over members of the highest level
    around them; the first of equals first."""
    windows = texts.windows(places)
    peaks = [
        lines[n].read(np.full(len(places), c), windows).max(axis=1) for n, c in members.items()
    ]
    order = np.argsort(-np.mean(peaks, axis=0), kind="stable")
    document = source[texts.document(places[order])]
    _, first = np.unique(document, return_index=True)
    return places[order[np.sort(first)[:QUIZZES]]]


def _feature_table(
    features: Features, tops: Tops, lines: Lines, texts: Texts, shown: Places
) -> pd.DataFrame:
    column = np.arange(features.compared)
    levels = np.stack(
        [lines.read(column, texts.windows(tops.place[:, k])) for k in range(QUIZZES)], axis=1
    )
    tokens = texts.read(tops.place.reshape(-1, 1)).reshape(tops.place.shape)
    return pd.DataFrame(
        {
            "feature": features.index,
            "quizzes": [_numbers(places, shown) for places in tops.place],
            "activations": pd.Series([line.tobytes() for line in _stored(levels)], dtype=object),
            "maximum": tops.value[:, 0],
            "zero": 1 - lines.histogram.sum(axis=1) / features.tokens,
            "histogram": list(lines.histogram.astype(np.int32)),
            "logits": [None] * features.compared,
            "peaks": [line[line >= 0] for line in tokens],
        }
    )


def _family_table(
    members: Members,
    shared: Sequence[Places],
    lines: Mapping[int, Lines],
    texts: Texts,
    shown: Places,
) -> pd.DataFrame:
    activations = []
    for of, places in zip(members, shared, strict=True):
        windows = texts.windows(places)
        levels = np.zeros((len(of), QUIZZES, LENGTH), dtype=np.float32)
        for line, (number, column) in zip(levels, of.items(), strict=True):
            line[: len(places)] = lines[number].read(np.full(len(places), column), windows)
        activations.append(_stored(levels).tobytes())
    tokens = [texts.read(places[:, None])[:, 0] for places in shared]
    return pd.DataFrame(
        {
            "family": np.arange(len(members), dtype=np.int32),
            "agents": [list(of) for of in members],
            "quizzes": [_numbers(places, shown) for places in shared],
            "activations": pd.Series(activations, dtype=object),
            "peaks": tokens,
        }
    )


def _context_table(shown: Places, texts: Texts) -> pd.DataFrame:
    """A row for each context: its tokens [LENGTH], -1 for none, and where the highest is."""
    document = texts.document(shown)
    names = np.array([*texts.kind_names, None], dtype=object)
    return pd.DataFrame(
        {
            "quiz": np.arange(len(shown), dtype=np.int32),
            "task": pd.Series(names[texts.kinds[document]], dtype="string"),
            "layout": np.zeros(len(shown), dtype=np.uint8),
            "tokens": list(texts.read(texts.windows(shown))),
            "document": document,
            "position": shown - texts.starts[document],
        }
    )


def _numbers(places: Places, shown: Places) -> NDArray[np.int32]:
    """int32: the contexts of tokens, without those that are none."""
    return np.searchsorted(shown, places[places >= 0]).astype(np.int32)


def _stored(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8: levels in 0 .. 1, of which none above 0 becomes 0."""
    return np.where(levels > 0, np.maximum(np.rint(levels * LEVELS), 1), 0).astype(np.uint8)
