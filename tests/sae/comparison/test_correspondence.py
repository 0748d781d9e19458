"""Two synthetic dictionaries with known shared, split, merged, spanned and unique features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sae.comparison.compare import compare_features
from sae.comparison.correspondence import Correspondence
from sae.comparison.nulls.rotation import Rotation
from sae.comparison.nulls.within_cell import WithinCell
from sae.config import SAEConfig
from sae.matching.correlation import make_codes
from sae.matching.covariance import covariance, predicted
from sae.matching.features import select_features
from tests.sae.comparison.test_compare import EVALUATION, STREAM, cell_features, events, noisy, rows

CONFIG = SAEConfig(
    min_firings=15, permutations=2, resamples=10, widths=(64,), nulls=(WithinCell(),)
)
EACH, MIXTURES, MIXED = 50, 20, 80

__all__ = ["rows"]


def features(dense):
    return select_features(sparse.csr_array(dense.astype(np.float32)), EVALUATION, 15)


def every_kind(found, features, a, b):
    """What becomes of all features of a in b; "" for what is not compared or not found out."""
    kinds = np.full(features[a][0].size, "", dtype=object)
    table = found.matches.of(a, b)
    kinds[table.feature_a] = table.kind.fillna("")
    return kinds


def found_kinds(rows, a, b):
    """Kinds of the features of a in b and of b in a, each cut into the parts given."""
    both = {n: [features(np.concatenate(parts, axis=1))] for n, parts in enumerate((a, b))}
    found = compare_features(both, rows, CONFIG, STREAM)
    return [
        np.split(kinds, np.cumsum([part.shape[1] for part in parts])[:-1])
        for kinds, parts in ((every_kind(found, both, 0, 1), a), (every_kind(found, both, 1, 0), b))
    ]


@pytest.fixture(scope="module")
def planted(rows):
    """What becomes of features whose truth is known, by that truth.

    Agent a has shared ones, wholes that split in two in b, mixtures of many of b's, its own; b
    the shared ones, the first and second parts of wholes, those that are mixed in a, its own.
    """
    rng = np.random.default_rng(0)
    shared, first, second, *own = (events(rng, rows, EACH, 0.05) for _ in range(5))
    mixed = events(rng, rows, MIXED, 0.05)
    mixtures = mixed @ rng.choice([-1.0, 1.0], (MIXED, MIXTURES))
    a = [noisy(rng, shared), noisy(rng, first + second), mixtures, own[0]]
    b = [noisy(rng, part) for part in (shared, first, second, mixed)] + [own[1]]
    in_b, in_a = found_kinds(rows, a, b)
    return {
        "shared": np.concatenate([in_b[0], in_a[0]]),
        "wholes": in_b[1],
        "parts": np.concatenate([in_a[1], in_a[2]]),
        "mixtures": in_b[2],
        "own": np.concatenate([in_b[3], in_a[4]]),
    }


@pytest.mark.parametrize(
    ("truth", "kind"),
    [
        ("shared", Correspondence.MATCHED),
        ("wholes", Correspondence.SPLIT),
        ("parts", Correspondence.MERGED),
        ("own", Correspondence.UNIQUE),
    ],
)
def test_planted_kinds_are_recovered(planted, truth, kind):
    assert (planted[truth] == kind).mean() >= 0.98


def test_mixtures_are_spanned_or_linked_to_their_strongest_part_and_not_unique(planted):
    found = planted["mixtures"]
    assert (found != Correspondence.UNIQUE).all()
    assert (found == Correspondence.SUBSPACE).mean() >= 0.3
    assert ((found == Correspondence.SUBSPACE) | (found == Correspondence.MATCHED)).mean() >= 0.9


@pytest.mark.parametrize("share", [0.15, 0.2, 0.24])
def test_a_small_part_of_a_feature_is_related_to_it_and_not_unique(rows, share):
    """Its match is beyond chance (r about ``share``), and not its own: the whole has a better."""
    rng = np.random.default_rng(0)
    main, part, own = (events(rng, rows, EACH, 0.05) for _ in range(3))
    whole = noisy(rng, main + share * part)
    in_b, in_a = found_kinds(rows, [whole], [noisy(rng, main), part, own])
    assert (in_b[0] == Correspondence.MATCHED).all()
    assert (in_a[0] == Correspondence.MATCHED).all()
    assert (in_a[1] == Correspondence.RELATED).mean() >= 0.9
    assert (in_a[2] == Correspondence.UNIQUE).mean() >= 0.9


def test_parts_that_add_up_by_their_position_alone_are_no_split(rows):
    """A whole and its two parts follow positions and tokens; hardly anything else do they share."""
    rng = np.random.default_rng(0)
    parts = [cell_features(rng, rows, EACH) + events(rng, rows, EACH, 0.003) for _ in range(2)]
    in_b, in_a = found_kinds(rows, [noisy(rng, sum(parts))], [noisy(rng, part) for part in parts])
    assert (in_b[0] == Correspondence.SPLIT).mean() <= 0.05
    assert (np.concatenate(in_a) == Correspondence.MERGED).mean() <= 0.05
    # It is judged by what is left: the whole is linked to one of them, beyond chance.
    assert (in_b[0] == Correspondence.MATCHED).mean() >= 0.7


def test_a_reference_null_that_permutes_nothing_leaves_splits_unknown(rows):
    rng = np.random.default_rng(0)
    first, second = (events(rng, rows, 8, 0.05) for _ in range(2))
    both = {0: [features(first + second)], 1: [features(np.concatenate([first, second], axis=1))]}
    config = replace(CONFIG, nulls=(Rotation(),))
    found = compare_features(both, rows, config, STREAM)
    assert set(found.matches.table.kind.dropna()) <= {Correspondence.MATCHED}
    assert found.matches.table.ridge_null_r2.isna().all()


def test_prediction_is_ridge_regression_graded_on_other_quizzes(rows):
    rng = np.random.default_rng(1)
    x = events(rng, rows, 6, 0.2)
    y = x @ rng.normal(size=(6, 3)) + rng.normal(0, 0.3, (len(rows), 3))
    a, b = features(y), features(x)
    found = predicted(
        covariance(a, b), covariance(b, b), np.diag(covariance(a, a).evaluation).copy()
    )
    chosen = (x[~EVALUATION] - x[~EVALUATION].mean(axis=0)) / x[~EVALUATION].std(axis=0)
    weights = np.linalg.solve(
        chosen.T @ chosen / len(chosen) + 0.01 * np.eye(6), chosen.T @ y[~EVALUATION] / len(chosen)
    )
    told = (x[EVALUATION] - x[EVALUATION].mean(axis=0)) / x[~EVALUATION].std(axis=0) @ weights
    truth = y[EVALUATION] - y[EVALUATION].mean(axis=0)
    expected = 1 - ((truth - told) ** 2).sum(axis=0) / (truth**2).sum(axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_covariance_is_in_units_of_the_selection_split(rows):
    rng = np.random.default_rng(2)
    a = features(events(rng, rows, 4, 0.2))
    own = covariance(a, a)
    np.testing.assert_allclose(np.diag(own.selection), 1)
    assert make_codes(a.evaluation.values).moments.mean == pytest.approx(a.evaluation.moments.mean)
