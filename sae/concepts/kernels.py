"""Sums over the active entries of features and all that is true of their rows, compiled by Numba.

true: int16 [m, L], the concept of each label that holds on each row, -1 for none. Entries are those
of a ranking, in its order: feature int64, row int64 and value float32 [n]; held: bool [n], those
that count. Labels are the inner loop: a row's lie side by side, and so do a feature's sums. All
let go of the interpreter. Shapes are trusted.
"""

from __future__ import annotations

from sae.compiling import compiler

compiled = compiler()


@compiled
def add_true(true, rows, counts):  # type: ignore[no-untyped-def]
    """Add to counts int64 [K] on how many of the rows each concept holds."""
    for row in rows:
        for concept in true[row]:
            if concept >= 0:
                counts[concept] += 1


@compiled
def raise_f1(true, feature, row, value, held, last, positives, hits, f1, threshold):  # type: ignore[no-untyped-def]
    """Raise f1 float64 [F, K] to the highest of any threshold, and set that: float64 [F, K].

    last: int64 [n], the place within its feature of the last entry of the same value. positives:
    int64 [F, K]. hits: int64 [F, K], zeros. An entry is counted short of those it ties with, but
    for the last of them, which the maximum takes.
    """
    for n in range(len(row)):
        if not held[n] or value[n] <= 0:
            continue
        f = feature[n]
        for concept in true[row[n]]:
            if concept >= 0:
                hits[f, concept] += 1
                reached = 2 * hits[f, concept] / (last[n] + 1 + positives[f, concept])
                if reached > f1[f, concept]:
                    f1[f, concept] = reached
                    threshold[f, concept] = value[n]


@compiled
def add_detected(true, feature, row, value, held, threshold, hits):  # type: ignore[no-untyped-def]
    """Add to hits int64 [F, K] the entries from the threshold float64 [F, K] on where concepts
    hold."""
    for n in range(len(row)):
        if not held[n]:
            continue
        for concept in true[row[n]]:
            if concept >= 0:
                hits[feature[n], concept] += value[n] >= threshold[feature[n], concept]


@compiled
def add_ranks(true, feature, row, rank, held, counts, ranks):  # type: ignore[no-untyped-def]
    """Add to counts int64 and ranks float64 [F, K] the entries where concepts hold, and their
    ranks float64 [n]."""
    for n in range(len(row)):
        if not held[n]:
            continue
        for concept in true[row[n]]:
            if concept >= 0:
                counts[feature[n], concept] += 1
                ranks[feature[n], concept] += rank[n]
