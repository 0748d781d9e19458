"""What can be answered by who gave to whom, and how often, without reading a sentence."""

from __future__ import annotations

import numpy as np

from world.names.reading import SENTENCE, Reading
from world.names.sentences import Values


def keys_of(reading: Reading, size: int) -> Values:
    """int64 [B, 2]: of sentences the two names, whichever comes first, with who gives; and who
    gives alone. -1 of what is no sentence. size: V."""
    made = reading.sentences
    low, high = np.minimum(made.first, made.second), np.maximum(made.first, made.second)
    keys = np.stack([(low * size + high) * size + made.giver, made.giver], axis=1)
    return np.where((reading.kind == SENTENCE)[:, None], keys, -1)


def most_frequent(seen: Values, answers: Values, asked: Values, size: int) -> Values:
    """int64 [B]: the most frequent of the answers [n] that were seen with a key [n], for the keys
    asked [B]; 0 for keys that were not seen, and for -1."""
    both, counts = np.unique(seen * size + answers, return_counts=True)
    key, answer = np.divmod(both, size)
    order = np.lexsort((counts, key))
    key, answer = key[order], answer[order]
    # The last of each key has been seen most often.
    last = np.append(key[1:] != key[:-1], True) if len(key) else np.zeros(0, dtype=np.bool_)
    key, answer = np.append(key[last], -1), np.append(answer[last], 0)
    by_key = np.argsort(key)
    place = np.minimum(np.searchsorted(key[by_key], asked), len(key) - 1)
    found = by_key[place]
    return np.where((key[found] == asked) & (asked >= 0), answer[found], 0)


def answered(seen: Values, answers: Values, asked: Values, size: int) -> Values:
    """int64 [B]: answers to keys [B, 2]: as the same two names with the same one who gives were
    answered most often; else as who gives was, whatever the names."""
    exact, loose = (most_frequent(seen[:, k], answers, asked[:, k], size) for k in range(2))
    return np.where(exact > 0, exact, loose)
