"""Codes of two models of whom it is known what they share, on texts of a few words."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from sae.streamed.documents import Documents
from world.core.hashing import mix

DOCUMENTS, LENGTH, WORDS = 300, 20, 6
SHARED, OWN, BY_WORD = 6, 3, 2
"""Features that both models have, those of one alone, and those that a word decides."""
FEATURES = SHARED + OWN + BY_WORD


def texts(documents=DOCUMENTS, seed=0):
    """int64 [D, LENGTH]: random words, the last documents shorter than the others."""
    tokens = np.random.default_rng(seed).integers(WORDS, size=(documents, LENGTH))
    tokens[-10:, -5:] = -1
    return tokens


def codes(tokens, seeds=(1, 2)):
    """Codes float32 [N, FEATURES] of two models, two SAEs each, with features in another order in
    every one; and by model and SAE, which feature has which meaning."""
    words = tokens[tokens >= 0]
    rng = np.random.default_rng(9)
    common = _events(rng, len(words), SHARED)
    word = np.stack([(words == k) * 1.0 for k in range(BY_WORD)], axis=1)
    made, order = {}, {}
    for name, seed in zip("ab", seeds, strict=True):
        rng = np.random.default_rng(seed)
        whole = np.concatenate([common, _events(rng, len(words), OWN), word], axis=1)
        order[name] = [rng.permutation(FEATURES) for _ in range(2)]
        noisy = [whole * rng.normal(1, 0.1, whole.shape).clip(0.2) for _ in range(2)]
        made[name] = [
            np.ascontiguousarray(x[:, places], dtype=np.float32)
            for x, places in zip(noisy, order[name], strict=True)
        ]
    return made, order


def _events(rng, rows, count):
    return (rng.random((rows, count)) < 0.06) * rng.exponential(1, (rows, count))


def reported(tokens):
    """bool [N]: tokens of documents on which figures are reported."""
    hashes = Documents(tokens).hashes
    return np.repeat((mix(hashes) >> np.uint64(63)).astype(bool), (tokens >= 0).sum(axis=1))


def not_first(tokens):
    """bool [N]: tokens that are not the first of their document."""
    return np.broadcast_to(np.arange(tokens.shape[1]) > 0, tokens.shape)[tokens >= 0]


def csr(values):
    return sparse.csr_array(values)
