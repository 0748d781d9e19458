"""Concepts made up at random, whose truth a test can plant in codes."""

from __future__ import annotations

import numpy as np

from sae.concepts import Concept, Concepts


def made_concepts(rng: np.random.Generator, rows: int, widths: tuple[int, ...]) -> Concepts:
    """Labels of some numbers of values, each missing on a fifth of the rows.

    Ten rows make a quiz. Of the rows in all, one in nine has no truth.
    """
    concepts, true = [], []
    for label, width in enumerate(widths):
        drawn = rng.integers(width, size=rows) + len(concepts)
        true.append(np.where(rng.random(rows) < 0.2, -1, drawn))
        concepts += [
            Concept("next", f"label-{label}", v, f"value-{v}", "next token", f"is {label}.{v}")
            for v in range(width)
        ]
    source = np.arange(rows) // 10
    total = rows + rows // 8
    known = np.flatnonzero(np.arange(total) % 9 != 8)[:rows]
    half = rng.permutation(source.max() + 1) % 2 == 0
    return Concepts(
        tuple(concepts), np.stack(true).astype(np.int16), known, total, source, half[source]
    )
