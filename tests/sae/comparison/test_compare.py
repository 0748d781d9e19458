"""Planted truth and planted confounds: what the comparison must find, and must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from sae.activations.harvest import TokenRows
from sae.comparison.compare import compare_features
from sae.comparison.results import by_excess, jackknife
from sae.comparison.significance import MAX_Q, within_stratum_test
from sae.config import SAEConfig
from sae.matching import dense
from sae.matching.correlation import make_codes
from sae.matching.features import select_features, within_strata
from world import Stream

QUIZZES, POSITIONS, TOKENS = 400, 20, 3
CONFIG = SAEConfig(min_firings=15, permutations=2, resamples=50, widths=(64,))
STREAM = Stream(0, "test-compare")


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    quiz = np.repeat(np.arange(QUIZZES), POSITIONS)
    position = np.tile(np.arange(1, POSITIONS + 1), QUIZZES)
    task = rng.integers(-1, 2, QUIZZES).astype(np.int16)[quiz]
    layout = rng.integers(2, size=QUIZZES).astype(np.uint8)[quiz]
    token = rng.integers(TOKENS, size=len(quiz)).astype(np.uint8)
    return TokenRows(
        quiz,
        position,
        layout,
        task,
        token,
        np.roll(token, -1),
        QUIZZES,
        np.arange(QUIZZES),
        EVALUATION,
    )


def events(rng, rows, count, rate=0.03):
    """What happens in quizzes, independent of all that a cell knows: float32 [N, count]."""
    fires = rng.random((len(rows), count)) < rate
    return (fires * rng.exponential(1, fires.shape)).astype(np.float32)


def noisy(rng, signal):
    return signal * rng.normal(1, 0.1, signal.shape).astype(np.float32).clip(0.2)


EVALUATION = np.repeat(np.arange(QUIZZES), POSITIONS) % 2 == 0


def features(dense):
    codes = sparse.csr_array(dense.astype(np.float32))
    return select_features(codes, EVALUATION[: len(dense)], CONFIG.min_firings)


def matches(found, a, b, size):
    """The matches of a's features in b, by feature: those not compared have none."""
    table = found.matches.of(a, b).set_index("feature_a").reindex(range(size))
    none = {"feature_b": -1, "assigned": -1, "firings_b": 0}
    table = table.fillna(none).astype(dict.fromkeys(none, int))
    return table.assign(mutual=table.mutual.eq(True))


def every_direction(found, size=20):
    return {(a, b): matches(found, a, b, size) for a, b in found.matches.rows}


@pytest.fixture(scope="module")
def planted(rows):
    """Three agents: 8 features shared by all, 4 by agents 0 and 1 only, 6 unique, 2 dead."""
    rng = np.random.default_rng(1)
    common, pair = events(rng, rows, 8), events(rng, rows, 4)
    agents, places = {}, {}
    for agent in range(3):
        parts = [common, pair if agent < 2 else events(rng, rows, 4), events(rng, rows, 6)]
        truth = np.concatenate([*parts, np.zeros((len(rows), 2))], axis=1)
        order = rng.permutation(truth.shape[1])
        places[agent] = np.argsort(order)
        second = rng.permutation(order)
        agents[agent] = [features(noisy(rng, truth[:, o])) for o in (order, second)]
    return compare_features(agents, rows, CONFIG, STREAM), places


def test_without_an_agent_are_the_pairs_of_the_others(planted):
    found, _ = planted
    assert list(found.without) == [0, 1, 2]
    for agent, rest in ((0, (1, 2)), (1, (0, 2)), (2, (0, 1))):
        assert found.without[agent] == found.pairs[rest].value
    # Agents 0 and 1 share four features that they do not share with 2.
    assert found.without[2] > max(found.without[0], found.without[1])
    figures = jackknife(found.without)
    values = list(found.without.values())
    deviations = np.array(values) - np.mean(values)
    assert figures["standard_error"] == pytest.approx((2 / 3 * (deviations**2).sum()) ** 0.5)
    assert jackknife({}) is None
    assert jackknife({0: 0.5, 1: None, 2: 0.5}) is None


def test_families_are_counted_by_what_they_exceed_the_null_by(planted):
    found, _ = planted
    counts = by_excess(found.families)
    assert counts["0.3"] == {2: 4, 3: 8}
    assert counts["0.05"] == counts["0.3"]


def test_planted_features_are_recovered(planted):
    found, places = planted
    for (a, b), match in every_direction(found).items():
        shared = 12 if max(a, b) < 2 else 8
        assert (match.feature_b[places[a][:shared]] == places[b][:shared]).all()
        assert match.mutual[places[a][:shared]].all()
        assert (match.assigned[places[a][:shared]] == places[b][:shared]).all()
        assert match.r[places[a][:shared]].min() > 0.9
        assert match.ceiling_r[places[a][:18]].min() > 0.9


def test_unique_features_are_not_matched(planted):
    found, places = planted
    for (a, _), match in every_direction(found).items():
        unique = places[a][12:18]
        excess = match.r[unique] - match.null_r[unique]
        assert excess.max() < 0.05


def test_dead_features_have_no_match(planted):
    found, places = planted
    match = matches(found, 0, 1, 20)
    dead = places[0][18:]
    assert np.isnan(match.r[dead]).all()
    assert (match.feature_b[dead] == -1).all()
    assert (match.assigned[dead] == -1).all()
    assert not match.mutual[dead].any()


def test_mutual_means_both_ways(planted):
    found, _ = planted
    assert not found.matches.table.mutual.all()
    directions = every_direction(found)
    for (a, b), there in directions.items():
        back = directions[b, a].feature_b.to_numpy()
        returns = back[there.feature_b] == np.arange(len(there))
        assert (there.mutual == (returns & there.r.notna())).all()


def test_resamples_are_of_what_is_measured(planted):
    found, _ = planted
    for column in ("r", "null_r", "ceiling_r"):
        r, resampled = found.matches.table[column], found.matches.resampled[column]
        assert resampled.shape == (CONFIG.resamples, len(r))
        np.testing.assert_allclose(np.median(resampled, axis=0), r, atol=0.04)


def test_choosing_on_other_quizzes_removes_the_bias_of_the_best(planted):
    found, places = planted
    directions = every_direction(found)
    unique, flattered = (
        np.concatenate([match[column][places[a][12:18]] for (a, _), match in directions.items()])
        for column in ("r", "r_chosen")
    )
    assert flattered.mean() > 0.01
    assert abs(unique.mean()) < 0.005


def test_false_discoveries_are_held(planted):
    found, places = planted
    real, false = [], []
    for (a, b), match in every_direction(found).items():
        q, shared = match.q, 12 if max(a, b) < 2 else 8
        real.append(q[places[a][:shared]] <= MAX_Q)
        false.append(q[places[a][shared:18]] <= MAX_Q)
        assert np.isnan(q[places[a][18:]]).all()
    assert np.concatenate(real).all()
    assert np.concatenate(false).mean() <= 0.1


def test_correlation_within_cells_is_of_what_cells_leave(rows):
    rng = np.random.default_rng(9)
    trivial, own = cell_features(rng, rows, 6), events(rng, rows, 6)
    agents = {a: [features(trivial + own), features(noisy(rng, trivial))] for a in range(2)}
    match = compare_features(agents, rows, CONFIG, STREAM).matches.of(0, 1)
    assert (match.feature_b == match.feature_a).all()
    np.testing.assert_allclose(match.r, 1, atol=1e-6)
    np.testing.assert_allclose(match.r_within, 1, atol=1e-6)
    apart = {0: [features(noisy(rng, trivial))], 1: [features(noisy(rng, trivial))]}
    match = compare_features(apart, rows, CONFIG, STREAM).matches.of(0, 1)
    assert match.r.min() > 0.5
    assert np.abs(match.r_within).max() < 0.2


def test_results_by_frequency_cover_all_features(planted):
    found, _ = planted
    assert sum(part.features for part in found.by_frequency.values()) == 6 * 18


def test_rare_features_are_not_compared(rows):
    rng = np.random.default_rng(8)
    common = events(rng, rows, 5)
    common[:, 2] = 0
    common[:29, 2] = 1  # 20 of them in the split on which figures are reported
    agents = {a: [features(common)] for a in range(2)}
    assert agents[0][0].firings[2] == 29
    match = matches(compare_features(agents, rows, CONFIG, STREAM), 0, 1, 5)
    assert match.r.notna().tolist() == [True, True, False, True, True]
    assert match.firings_b[2] == 0


def test_families_count_who_shares(planted):
    found, places = planted
    triples = [f for f in found.families if f.k == 3]
    pairs = [f for f in found.families if f.k == 2 and f.mean_r > 0.5]
    expected = [{a: int(places[a][i]) for a in range(3)} for i in range(8)]
    assert sorted(f.members[0] for f in triples) == sorted(e[0] for e in expected)
    assert all(f.members in expected for f in triples)
    assert sorted(f.members[0] for f in pairs) == sorted(places[0][8:12].tolist())
    assert found.shared[3] == 8
    assert found.shared_above[0.7] == {1: 3 * 18 - 8 * 3 - 4 * 2, 2: 4, 3: 8}


def test_universality_of_shared_features_is_near_one(planted):
    found, _ = planted
    pair = found.pairs[0, 1]
    assert pair.features == 36
    assert pair.low <= pair.value <= pair.high
    assert found.pairs[0, 1].value > 0.9
    assert found.overall["within_cell"].low is not None
    assert found.overall["quizzes"].low is not None


def cell_features(rng, rows, count):
    """Features that know nothing but position and token."""
    patterns = rng.random((POSITIONS + 1, TOKENS, count)) < 0.1
    return patterns[rows.position, rows.token].astype(np.float32)


def test_confound_is_exposed_by_the_null_within_cells_only(rows):
    rng = np.random.default_rng(2)
    shared = cell_features(rng, rows, 12)
    agents = {}
    for agent in range(2):
        own = events(rng, rows, 12)
        # Half trivial, half the agent's own: two SAEs of one agent agree on both halves.
        truth = shared + 1.5 * own * (shared > 0)
        agents[agent] = [features(noisy(rng, truth)) for _ in range(2)]
    found = compare_features(agents, rows, CONFIG, STREAM)
    assert found.overall["within_cell"].cross > 0.5
    assert abs(found.overall["within_cell"].value) < 0.05
    assert found.overall["quizzes"].value > 0.5
    assert found.shared_above[0.5][2] <= 1


@pytest.mark.parametrize("noise_seed", [2, 3, 4])
def test_features_that_cells_determine_have_no_universality(rows, noise_seed):
    """The null matches them as well as another SAE of the agent: there is nothing to divide by."""
    rng = np.random.default_rng(noise_seed)
    same = cell_features(rng, rows, 12)
    agents = {a: [features(noisy(rng, same)) for _ in range(2)] for a in range(3)}
    found = compare_features(agents, rows, CONFIG, STREAM)
    for of in (found.overall["within_cell"], *found.pairs.values()):
        assert (of.value, of.low, of.high) == (None, None, None)
        assert "not clearly above the null" in of.reason
        assert abs(of.room) < 0.05
    assert set(found.without.values()) == {None}
    assert found.overall["quizzes"].value > 0.5
    assert found.overall["quizzes"].reason is None


def test_naive_null_lies_far_below_the_one_within_strata(rows):
    rng = np.random.default_rng(5)
    same = cell_features(rng, rows, 10)
    agents = {a: [features(noisy(rng, same)) for _ in range(2)] for a in range(2)}
    found = compare_features(agents, rows, CONFIG, STREAM)
    assert found.overall["within_cell"].null > found.overall["quizzes"].null + 0.2


def test_one_seed_has_no_ceiling(rows):
    rng = np.random.default_rng(3)
    common = events(rng, rows, 5)
    agents = {a: [features(noisy(rng, common))] for a in range(2)}
    found = compare_features(agents, rows, CONFIG, STREAM)
    assert found.pairs[0, 1].value is None
    assert found.matches.table.ceiling_r.isna().all()
    assert found.shared == {1: 0, 2: 5}


def test_agent_without_features(rows):
    rng = np.random.default_rng(4)
    agents = {
        0: [features(events(rng, rows, 5)) for _ in range(2)],
        1: [features(np.zeros((len(rows), 5))) for _ in range(2)],
    }
    found = compare_features(agents, rows, CONFIG, STREAM)
    assert found.families == []
    assert found.shared == {1: 5, 2: 0}
    assert found.overall["within_cell"].features == 0


def test_same_stream_same_figures(rows):
    rng = np.random.default_rng(6)
    common = events(rng, rows, 5)
    agents = {a: [features(noisy(rng, common)) for _ in range(2)] for a in range(2)}
    first, again = (compare_features(agents, rows, CONFIG, STREAM) for _ in range(2))
    assert first.overall == again.overall
    pd.testing.assert_frame_equal(first.matches.table, again.matches.table)


@pytest.fixture
def tf32():
    """PyTorch's setting for matrix products on a GPU, allowed as accelerate does it."""
    matmul = torch.backends.cuda.matmul
    before, matmul.allow_tf32 = matmul.allow_tf32, True
    yield matmul
    matmul.allow_tf32 = before


def test_a_gpu_multiplies_in_full_float32_while_agents_are_compared(rows, monkeypatch, tf32):
    """The setting is the process's: no thread may restore it while others still multiply."""
    seen, tile = [], dense._tile
    monkeypatch.setattr("sae.matching.search.DENSE", -1.0)
    monkeypatch.setattr(dense, "_tile", lambda *a: seen.append(tf32.allow_tf32) or tile(*a))
    common = events(np.random.default_rng(11), rows, 5)
    agents = {a: [features(common)] for a in range(3)}
    compare_features(agents, rows, CONFIG, STREAM, lambda: seen.append(tf32.allow_tf32))
    assert len(seen) > 3
    assert not any(seen)
    assert tf32.allow_tf32


def test_refuses_codes_of_other_tokens(rows):
    rng = np.random.default_rng(7)
    short = features(events(rng, rows, 5)[:-1])
    with pytest.raises(ValueError, match="cover 7999 tokens, rows cover 8000"):
        compare_features({0: [short], 1: [short]}, rows, CONFIG, STREAM)
    with pytest.raises(ValueError, match="at least two agents"):
        compare_features({0: [short]}, rows, CONFIG, STREAM)


def test_the_test_within_cells_is_calibrated_where_cells_are_small(rows):
    """Unrelated features in cells of two, whose residuals are each other's opposite."""
    rng = np.random.default_rng(10)
    half = rows.split(evaluation=True)
    pairs = replace(half, token=(np.arange(len(half)) // 2 % 200).astype(np.uint8))
    pairs = replace(pairs, position=np.arange(len(half)) // 2, task=pairs.task * 0)
    pairs = replace(pairs, layout=pairs.layout * 0)
    x, y = (
        within_strata(make_codes(sparse.csr_array(rng.normal(size=(len(half), 400)))), pairs)
        for _ in range(2)
    )
    source = half.source[half.quiz]
    shuffled = rng.permutation(source)
    _, p = within_stratum_test(x, y, np.arange(400), shuffled)
    assert 0.02 < (p <= 0.05).mean() < 0.09
