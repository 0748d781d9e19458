"""The dissenter's features, planted: what it lacks and what it does not use are told apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from sae.contrasts.dissent import Links, coactivation, contrast, match_strength
from sae.contrasts.families import family_deviations
from sae.contrasts.occurrence import firing_shares

AGENTS, FEATURES, TOKENS = 5, 30, 40
QUIZZES = 160
"""Half of them failed by one agent."""
ALIKE = np.zeros(QUIZZES, dtype=np.int64)
"""All quizzes are of one task."""


def planted(rng, silent, unmatched):
    """Codes of all agents on QUIZZES; every agent has feature f as its own number f.

    silent: share of firings that a dissenter leaves out on the quizzes it fails. unmatched: as
    many of the last features, which agents match badly in the agent 0, fire on what that fails.
    """
    quiz = np.repeat(np.arange(QUIZZES), TOKENS)
    dissenter = np.where(np.arange(QUIZZES) < QUIZZES // 2, rng.integers(AGENTS, size=QUIZZES), -1)
    fires = rng.random((len(quiz), FEATURES)) < 0.2
    fires[:, FEATURES - unmatched :] &= (dissenter == 0)[quiz, None]
    codes = {}
    for agent in range(AGENTS):
        own = fires & (rng.random(fires.shape) < 0.9)
        missed = (dissenter == agent)[quiz, None] & (rng.random(fires.shape) < silent)
        codes[agent] = sparse.csr_array((own & ~missed) * rng.random(fires.shape))
    return codes, quiz, dissenter


def links(unmatched):
    found = {}
    for a in range(AGENTS):
        for b in range(AGENTS):
            r = np.full(FEATURES, 0.8)
            if b == 0:
                r[FEATURES - unmatched :] = 0.1
            if a != b:
                found[a, b] = Links(np.arange(FEATURES), r)
    return found


def contrasts(codes, quiz, dissenter, matched):
    """Both measures of planted codes."""
    rng, found = np.random.default_rng(1), {}
    for name in ("match_strength", "coactivation"):
        values = {}
        for (a, b), link in matched.items():
            if name == "match_strength":
                each = match_strength(codes[a], link, quiz, QUIZZES)
            else:
                each = coactivation(codes[a], codes[b], link, quiz, QUIZZES)
            values[a, b] = each
        found[name] = contrast(values, dissenter, ALIKE, rng)
    return found


def test_nothing_planted_is_nothing_found():
    codes, quiz, dissenter = planted(np.random.default_rng(0), 0.0, 0)
    for found in contrasts(codes, quiz, dissenter, links(0)).values():
        assert found.low <= 0 <= found.high
        assert found.p > 0.05
        assert found.quizzes == QUIZZES // 2


def test_a_dissenter_that_does_not_use_its_features_has_low_coactivation():
    codes, quiz, dissenter = planted(np.random.default_rng(0), 0.3, 0)
    found = contrasts(codes, quiz, dissenter, links(0))
    # Solvers fire together in 0.9 of cases, and with the dissenter in 0.7 of those.
    assert found["coactivation"].mean == pytest.approx(-0.27, abs=0.02)
    assert found["coactivation"].high < -0.2
    assert found["coactivation"].p < 0.001
    assert found["match_strength"].low <= 0 <= found["match_strength"].high


def test_features_that_the_dissenter_lacks_are_seen():
    codes, quiz, dissenter = planted(np.random.default_rng(0), 0.0, 6)
    found = contrasts(codes, quiz, dissenter, links(6))["match_strength"]
    # Its features fire on nothing but what agent 0 fails: a fifth of quizzes, a fifth of firings.
    share = (dissenter[dissenter >= 0] == 0).mean()
    assert found.mean == pytest.approx(-0.7 * 0.2 * share, rel=0.1)
    assert found.p < 0.001


def test_an_agent_that_matches_badly_everywhere_lacks_nothing_in_particular():
    """It dissents most, and is badly matched on every quiz: that is its usual."""
    codes, quiz, dissenter = planted(np.random.default_rng(0), 0.0, 0)
    dissenter[: QUIZZES // 4] = 0
    found = contrasts(codes, quiz, dissenter, links(6))["match_strength"]
    assert found.low <= 0 <= found.high
    assert found.p > 0.05


def test_shares_are_of_what_fires_at_the_same_token():
    one = sparse.csr_array(np.array([[1.0, 0.0], [2.0, 3.0], [0.0, 1.0], [0.0, 0.0]]))
    two = sparse.csr_array(np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))
    quiz = np.array([0, 0, 1, -1])
    crossed = Links(np.array([1, 0]), np.array([0.5, np.nan]))
    assert coactivation(one, two, crossed, quiz, 3) == pytest.approx(
        [2 / 3, 1.0, np.nan], nan_ok=True
    )
    # A feature without a correlation does not count; where no other fires, there is no value.
    found = match_strength(one, crossed, quiz, 3)
    assert found == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)
    nobody = Links(np.array([-1, -1]), np.array([0.5, 0.5]))
    assert np.isnan(coactivation(one, two, nobody, quiz, 3)).all()


def test_one_quiz_is_not_enough():
    values = {(0, 1): np.ones(1), (1, 0): np.ones(1), (0, 2): np.ones(1), (2, 0): np.ones(1)}
    values |= {(1, 2): np.ones(1), (2, 1): np.ones(1)}
    values = {pair: np.repeat(value, 9) for pair, value in values.items()}
    dissenter = np.array([0] + 8 * [-1])
    assert contrast(values, dissenter, np.zeros(9, np.int64), np.random.default_rng(0)) is None


def test_the_family_whose_member_stays_silent_is_found():
    rng = np.random.default_rng(0)
    codes, quiz, dissenter = planted(rng, 0.0, 0)
    for agent, own in codes.items():
        dense = own.toarray()
        dense[(dissenter == agent)[quiz], 3] *= 0.0
        codes[agent] = sparse.csr_array(dense)
    shares = {agent: firing_shares(own, quiz, QUIZZES) for agent, own in codes.items()}
    members = [dict.fromkeys(range(AGENTS), f) for f in range(FEATURES)]
    table = family_deviations(members, shares, dissenter, dissenter < 0, ALIKE)
    assert table.p.idxmin() == 3
    assert table.difference[3] == pytest.approx(-0.18, abs=0.01)
    assert (table.p.drop(3) > 0.001).all()
    assert (table.quizzes == QUIZZES // 2).all()


def test_what_a_task_does_to_a_family_is_not_the_dissenter_s_doing():
    """Agent 0's member fires half as often on task 1, on which agent 0 fails."""
    rng, quizzes = np.random.default_rng(0), 400
    task = np.arange(quizzes) % 2
    dissenter = np.where((task == 1) & (np.arange(quizzes) % 3 == 0), 0, -1)
    rates = {0: np.where(task == 1, 0.1, 0.2), 1: np.full(quizzes, 0.2)}
    shares = {agent: rng.binomial(40, rate)[:, None] / 40 for agent, rate in rates.items()}
    usual, family = dissenter < 0, [{0: 0, 1: 0}]
    together = family_deviations(family, shares, dissenter, usual, np.zeros(quizzes, np.int64))
    assert together.p[0] < 1e-6
    apart = family_deviations(family, shares, dissenter, usual, task)
    assert apart.p[0] > 0.05
    # Where every quiz of the task is failed but one, nothing is known of what is usual.
    some = (task == 0) | (np.arange(quizzes) == 1)
    assert family_deviations(family, shares, np.where(some, -1, 0), some, task).quizzes[0] == 0
    assert family_deviations(family, shares, task - 1, task == 0, task).quizzes[0] == 0


def own_strata(usual):
    """Stratum and dissenter of quizzes of eight tasks, half of those failed of the agent's own
    task, and of each task as many that nobody fails."""
    counts = np.full((AGENTS, 8), 4) + 24 * np.eye(AGENTS, 8, dtype=np.int64)
    agent, task = np.indices(counts.shape).reshape(2, -1).repeat(counts.ravel(), axis=1)
    easy = np.arange(8).repeat(usual)
    return np.concatenate([task, easy]), np.concatenate([agent, np.full(len(easy), -1)])


@pytest.mark.parametrize("usual", [5, 12, 40])
def test_what_is_usual_is_known_from_few_quizzes_only(usual):
    """Nothing is planted; the error of what is usual is that of all an agent's own quizzes."""
    rng, families = np.random.default_rng(0), 2000
    stratum, dissenter = own_strata(usual)
    rate = np.linspace(0.05, 0.3, 8)[stratum][:, None]
    quizzes = rng.beta(3 * rate, 3 * (1 - rate), size=(len(stratum), families))
    shares = {agent: rng.binomial(40, quizzes) / 40 for agent in range(AGENTS)}
    members = [dict.fromkeys(range(AGENTS), f) for f in range(families)]
    table = family_deviations(members, shares, dissenter, dissenter < 0, stratum)
    assert abs((table.p < 0.05).mean() - 0.05) < 0.02


@pytest.mark.parametrize("usual", [5, 12])
def test_a_contrast_knows_how_well_the_usual_is_known(usual):
    rng, draws = np.random.default_rng(0), 300
    stratum, dissenter = own_strata(usual)
    found = []
    for _ in range(draws):
        met = rng.normal(size=(AGENTS, len(stratum)))
        # Pairs differ by task, and agents in how a quiz is met.
        values = {
            (a, b): met[b] + rng.normal(size=8)[stratum] + rng.normal(size=len(stratum))
            for a in range(AGENTS)
            for b in range(AGENTS)
            if a != b
        }
        found.append(contrast(values, dissenter, stratum, rng, 100))
    # Two standard errors of a rate over so many draws are 0.025. An error that leaves out what
    # usual quizzes are few for gives 0.14 and 0.24.
    assert abs(np.mean([each.p < 0.05 for each in found]) - 0.05) < 0.03
    assert abs(np.mean([not each.low <= 0 <= each.high for each in found]) - 0.05) < 0.03


def test_dissenters_are_dealt_out_within_the_stratum():
    """Each agent fails quizzes of its own task: it cannot be told from the task."""
    rng, stratum = np.random.default_rng(0), np.arange(AGENTS).repeat(40)
    dissenter = np.where(np.arange(len(stratum)) % 2, stratum, -1)
    values = {
        (a, b): rng.normal(size=len(stratum)) - 3 * (dissenter == b)
        for a in range(AGENTS)
        for b in range(AGENTS)
        if a != b
    }
    found = contrast(values, dissenter, stratum, rng, 200)
    assert found.p == 1.0
    assert found.high < -2
    together = contrast(values, dissenter, np.zeros_like(stratum), rng, 200)
    assert together.p < 0.01


def test_a_family_without_a_quiz_has_no_figures():
    shares = {0: np.full((4, 1), 0.1), 1: np.full((4, 1), 0.2)}
    nobody, usual = np.full(4, -1), np.ones(4, np.bool_)
    table = family_deviations([{0: 0, 1: 0}], shares, nobody, usual, np.zeros(4, np.int64))
    assert table.quizzes[0] == 0
    assert np.isnan(table.difference[0])
    assert np.isnan(table.p[0])
