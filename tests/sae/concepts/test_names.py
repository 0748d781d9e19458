"""Planted concepts are found and named; codes without meaning stay unnamed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sae.concepts import (
    concept_table,
    cover,
    coverage_table,
    family_name_table,
    name_families,
    name_features,
    name_table,
    score_features,
)
from sae.concepts.names import UNNAMED
from tests.helpers.made_concepts import made_concepts

ROWS = 6000
CONCEPTS = made_concepts(np.random.default_rng(0), ROWS, widths=(4, 6, 3))
PLAIN, CONJUNCTION, SHUFFLED, SILENT, NOISY, TRIPLE = range(6)
PLANTED = {PLAIN: (2,), CONJUNCTION: (1, 10), NOISY: (7,), TRIPLE: (0, 5, 11)}


def is_true(k):
    return CONCEPTS.true[CONCEPTS.label_of[k]] == k


def made_codes(seed):
    """A feature that is a concept plus noise below it, one that is two together, one with rows
    permuted, one that is silent, one that misses a third and is wrong now and then, and one that
    is three together."""
    rng = np.random.default_rng(seed)
    codes = np.zeros((CONCEPTS.total, 6), dtype=np.float32)
    noise = rng.random(ROWS) * (rng.random(ROWS) < 0.3)
    codes[CONCEPTS.rows, PLAIN] = 2 * is_true(2) + noise
    codes[CONCEPTS.rows, CONJUNCTION] = (is_true(1) & is_true(10)) * (1 + rng.random(ROWS))
    codes[CONCEPTS.rows, SHUFFLED] = rng.permutation(codes[CONCEPTS.rows, PLAIN])
    missed, wrong = rng.random(ROWS) < 1 / 3, rng.random(ROWS) < 0.02
    codes[CONCEPTS.rows, NOISY] = (is_true(7) & ~missed) | wrong
    codes[CONCEPTS.rows, TRIPLE] = is_true(0) & is_true(5) & is_true(11)
    return sparse.csr_array(codes)


@pytest.fixture(scope="module")
def codes():
    return {3: made_codes(3), 5: made_codes(5)}


@pytest.fixture(scope="module")
def scores(codes):
    return {agent: score_features(found, CONCEPTS) for agent, found in codes.items()}


@pytest.fixture(scope="module")
def names(codes, scores):
    return name_features(codes[3], CONCEPTS, scores[3])


def test_planted_concepts_give_their_names(names):
    for feature, planted in PLANTED.items():
        assert sorted(names[feature].concepts) == sorted(planted)
    assert names[PLAIN].f1 == pytest.approx(1)
    assert names[PLAIN].text == "next token is 0.2"
    assert 1 < names[PLAIN].threshold <= 2.1
    assert names[CONJUNCTION].f1 == pytest.approx(1)
    assert set(names[CONJUNCTION].text.removeprefix("next token is ").split(", ")) == {"0.1", "2.0"}
    assert names[NOISY].recall == pytest.approx(2 / 3, abs=0.06)


def test_codes_without_meaning_have_no_name(names):
    assert names[SHUFFLED].text == UNNAMED
    assert names[SHUFFLED].candidate
    assert names[SHUFFLED].f1 < 0.4
    assert names[SHUFFLED].auroc == pytest.approx(0.5, abs=0.05)
    assert names[SILENT].concepts == ()
    assert names[SILENT].text == UNNAMED
    assert names[SILENT].f1 == 0


def test_floor_and_margin(codes, scores):
    strict = name_features(codes[3], CONCEPTS, scores[3], floor=0.9)
    assert strict[NOISY].text == UNNAMED
    assert strict[NOISY].candidate == "next token is 1.3"
    alone = name_features(codes[3], CONCEPTS, scores[3], margin=1.0)
    assert len(alone[CONJUNCTION].concepts) == 1
    for most in (1, 2):
        names = name_features(codes[3], CONCEPTS, scores[3], most=most)
        assert len(names[TRIPLE].concepts) == most


def test_families_have_the_name_that_suits_all_members(codes, scores):
    families = [
        {3: CONJUNCTION, 5: CONJUNCTION},
        {5: NOISY},
        {3: SILENT, 5: SILENT},
        {3: NOISY, 5: PLAIN},
    ]
    found = name_families(families, codes, CONCEPTS, scores)
    assert sorted(found[0].concepts) == [1, 10]
    assert found[0].f1 == pytest.approx(1)
    alone = name_features(codes[5], CONCEPTS, scores[5])[NOISY]
    assert found[1].concepts == alone.concepts
    assert found[1].members == {5: pytest.approx(alone.f1)}
    assert found[2].text == UNNAMED
    assert found[2].members == {3: 0.0, 5: 0.0}
    assert set(found[3].members) == {3, 5}
    assert found[3].f1 == pytest.approx(np.mean(list(found[3].members.values())))
    assert min(found[3].members.values()) < 0.4 < found[3].f1
    assert name_families([], codes, CONCEPTS, scores) == []


def test_coverage_is_the_best_feature_of_each_concept(codes, scores):
    found = cover(codes[3], CONCEPTS, scores[3], np.random.default_rng(0))
    assert found.feature[2] == PLAIN
    assert found.feature[7] == NOISY
    for k, feature in enumerate(found.feature):
        assert found.f1[k] == pytest.approx(scores[3].f1[feature, k])
    assert found.overall.value == pytest.approx(found.f1.mean())
    assert found.overall.low < found.overall.value < found.overall.high
    assert found.by_label["next", "label-1"].value == pytest.approx(found.f1[4:10].mean())
    assert sum(mean.concepts for mean in found.by_label.values()) == len(CONCEPTS)
    share = CONCEPTS.prevalence
    assert found.overall.always == pytest.approx((2 * share / (1 + share)).mean())
    dense = codes[3].toarray()
    again = cover(dense, CONCEPTS, score_features(dense, CONCEPTS), np.random.default_rng(0))
    assert again.overall == found.overall


def test_coverage_of_silent_codes_is_zero():
    codes = sparse.csr_array((CONCEPTS.total, 3), dtype=np.float32)
    found = cover(codes, CONCEPTS, score_features(codes, CONCEPTS), np.random.default_rng(0))
    assert (found.feature == -1).all()
    assert (found.overall.value, found.overall.low, found.overall.high) == (0, 0, 0)


def test_without_concepts_there_is_nothing_to_say(codes):
    none = made_concepts(np.random.default_rng(0), ROWS, widths=(1,))
    none = replace(none, concepts=(), true=none.true[:0])
    scores = score_features(codes[3], none)
    assert scores.f1.shape == (6, 0)
    assert {name.text for name in name_features(codes[3], none, scores)} == {UNNAMED}
    assert cover(codes[3], none, scores, np.random.default_rng(0)).overall.concepts == 0
    assert len(concept_table({0: scores}, none)) == 0


def test_tables(codes, scores, names):
    table = concept_table(scores, CONCEPTS)
    assert table.columns.tolist() == [
        *("agent", "feature", "concept", "moment", "label", "value"),
        *("f1", "precision", "recall", "auroc", "threshold", "prevalence"),
    ]
    first = table[(table.agent == 3) & (table.feature == PLAIN)]
    assert len(first) == 5
    assert first.iloc[0].concept == "next token is 0.2"
    assert first.iloc[0].value == "value-2"
    assert not (table.feature == SILENT).any()
    assert set(table.agent) == {3, 5}
    named = name_table({3: names})
    assert named.name[PLAIN] == "next token is 0.2"
    assert named.name[SHUFFLED] == UNNAMED
    family = family_name_table(name_families([{3: PLAIN, 5: PLAIN}], codes, CONCEPTS, scores))
    assert family.agents[0] == [3, 5]
    assert family.f1[0] == pytest.approx(np.mean(family.member_f1[0]))
    covered = coverage_table(cover(codes[3], CONCEPTS, scores[3], np.random.default_rng(0)))
    assert covered.label.tolist() == ["all", "label-0", "label-1", "label-2"]
    assert (covered.low <= covered.high).all()
