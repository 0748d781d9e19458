"""Scores from sorted entries equal those of a slow and plain reading of every row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import mannwhitneyu

from sae.concepts import score_features
from sae.concepts.ranking import rank
from tests.helpers.made_concepts import made_concepts

ROWS, FEATURES = 400, 12
RNG = np.random.default_rng(0)
CONCEPTS = made_concepts(RNG, ROWS, widths=(3, 2, 5))


def made_codes(kind):
    """Codes with many ties, on a share of the rows; "signed" ones are below zero, too."""
    rng = np.random.default_rng(1)
    values = rng.integers(1, 6, size=(CONCEPTS.total, FEATURES)).astype(np.float32) / 3
    values *= rng.random(values.shape) < np.linspace(0, 1, FEATURES)
    if kind == "signed":
        values *= rng.choice(np.float32([-1, 1]), size=values.shape)
    if kind == "planted":
        values[CONCEPTS.rows, 5] = is_true(3) * (1 + rng.random(ROWS, dtype=np.float32))
    return values


def is_true(concept):
    return CONCEPTS.true[CONCEPTS.label_of[concept]] == concept


def slow_f1(values, true, threshold):
    yes = values >= threshold
    hits = (yes & true).sum()
    return 2 * hits / max(yes.sum() + true.sum(), 1), hits, yes.sum()


@pytest.fixture(params=["positive", "signed", "planted"])
def dense(request):
    return made_codes(request.param)


@pytest.mark.parametrize("also", [(), (1,), (1, 4)])
def test_against_every_row_read(dense, also):
    asked = np.tile(np.array(also, dtype=np.int64), (FEATURES, 1))
    asked[::3] = -1
    found = score_features(sparse.csr_array(dense), CONCEPTS, asked)
    selection, reporting = ~CONCEPTS.evaluation, CONCEPTS.evaluation
    for f in range(FEATURES):
        held = np.all([np.ones(ROWS, bool), *(is_true(k) for k in asked[f] if k >= 0)], axis=0)
        for k in range(len(CONCEPTS)):
            true, values = is_true(k) & held, dense[CONCEPTS.rows, f]
            steps = np.unique(values[values > 0])
            best = max(
                (slow_f1(values[selection], true[selection], s)[0] for s in steps), default=0
            )
            assert found.chosen_f1[f, k] == pytest.approx(best, abs=1e-12)
            if best > 0:
                at = found.threshold[f, k]
                assert slow_f1(values[selection], true[selection], at)[0] == pytest.approx(best)
                f1, hits, yes = slow_f1(values[reporting], true[reporting], at)
                assert found.f1[f, k] == pytest.approx(f1, abs=1e-12)
                assert found.precision[f, k] == pytest.approx(hits / max(yes, 1), abs=1e-12)
                positives = max(true[reporting].sum(), 1)
                assert found.recall[f, k] == pytest.approx(hits / positives, abs=1e-12)
            else:
                assert found.threshold[f, k] == np.inf
                assert found.f1[f, k] == 0


def test_auroc_is_mann_whitney(dense):
    found = score_features(sparse.csr_array(dense), CONCEPTS)
    for f in range(FEATURES):
        values = dense[CONCEPTS.rows, f][CONCEPTS.evaluation]
        for k in range(len(CONCEPTS)):
            true = is_true(k)[CONCEPTS.evaluation]
            wanted = mannwhitneyu(values[true], values[~true]).statistic
            assert found.auroc[f, k] == pytest.approx(
                wanted / true.sum() / (~true).sum(), abs=1e-9, rel=0
            )


def test_dense_codes_and_small_blocks_score_alike(dense, monkeypatch):
    sparsely = score_features(sparse.csr_array(dense), CONCEPTS)
    monkeypatch.setattr("sae.concepts.ranking.BLOCK", 5)
    densely = score_features(dense, CONCEPTS)
    for name in ("chosen_f1", "threshold", "f1", "precision", "recall", "auroc"):
        np.testing.assert_array_equal(getattr(sparsely, name), getattr(densely, name))


def test_codes_of_other_rows_are_refused(dense):
    with pytest.raises(ValueError, match=f"{CONCEPTS.total} rows"):
        score_features(dense[:-1], CONCEPTS)


def test_stored_zeros_are_zeros():
    stored = sparse.csc_array(([0.0, 2.0], ([0, 1], [0, 0])), shape=(3, 1))
    assert rank(stored).row.tolist() == [1]
