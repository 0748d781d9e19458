"""Consensus rules: the source's on hand-made votes, and what every registered rule promises."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from culture_sim.culture.rules import Rule, rules
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.votes import Decision, VoteTable, trial_votes
from tests.helpers.pages import ROOT
from world.core.errors import UserError
from world.core.options import from_tree, to_tree


def table(correct):
    """Votes from nested lists [B, N, 2] of right (1) and wrong (0)."""
    correct = np.array(correct, dtype=np.bool_)
    wrong = np.where(correct, 0, 3).astype(np.uint16)
    log_prob = np.where(correct, -0.1, -9.0).astype(np.float32)
    proposer = np.zeros(len(correct), dtype=np.int16)
    voted, probability = np.ones(correct.shape[:2], dtype=np.bool_), np.exp(log_prob.sum(axis=2))
    return VoteTable(correct, wrong, log_prob, proposer, voted, probability)


def every_pattern(n_agents):
    """All ways in which agents can be right in both directions, one, the other or none."""
    one_agent = list(itertools.product([0, 1], repeat=2))
    patterns = list(itertools.product(one_agent, repeat=n_agents))
    return table(patterns[:: max(1, len(patterns) // 1024)])


def absent(votes, *agents):
    """The same votes, these agents not having been asked."""
    voted = votes.voted.copy()
    voted[:, list(agents)] = False
    return replace(votes, voted=voted)


R, F, B, X = (1, 1), (1, 0), (0, 1), (0, 0)  # right; only forward; only backward; neither


@pytest.mark.parametrize(
    ("votes", "keep", "dissenter", "reason"),
    [
        ([R, R, R, R, R], False, -1, "too easy: 5 solvers"),
        ([R, R, R, R, X], True, 4, "kept"),
        ([X, R, R, R, R], True, 0, "kept"),
        ([R, R, F, R, R], True, 2, "kept"),
        ([R, B, R, R, R], True, 1, "kept"),
        ([R, R, R, F, B], False, -1, "too hard: 3 solvers"),
        ([R, R, R, X, X], False, -1, "too hard: 3 solvers"),
        ([R, R, X, X, X], False, -1, "too hard: 2 solvers"),
        ([R, F, F, B, B], False, -1, "too hard: 1 solver"),
        ([F, F, F, F, F], False, -1, "too hard: 0 solvers"),
        ([X, X, X, X, X], False, -1, "too hard: 0 solvers"),
    ],
)
def test_four_of_five(votes, keep, dissenter, reason):
    decision = rules["four_of_five"]()(table([votes]))
    assert decision.keep.tolist() == [keep]
    assert decision.dissenter.tolist() == [dissenter]
    assert decision.reason == [reason]


def test_four_of_five_keeps_exactly_the_quizzes_with_one_dissenter():
    votes = every_pattern(5)
    decision = rules["four_of_five"]()(votes)
    for correct, keep, dissenter in zip(
        votes.correct, decision.keep, decision.dissenter, strict=True
    ):
        failing = [agent for agent in range(5) if not (correct[agent][0] and correct[agent][1])]
        assert keep == (len(failing) == 1)
        assert dissenter == (failing[0] if keep else -1)
    assert decision.keep.sum() == 5 * 3


@pytest.mark.parametrize("n_agents", [4, 6])
def test_four_of_five_refuses_another_population(n_agents):
    with pytest.raises(UserError, match=f"needs 5 agents, the population has {n_agents}; set"):
        rules["four_of_five"]()(trial_votes(n_agents))


@pytest.mark.parametrize(
    ("k", "votes", "keep", "dissenter", "reason"),
    [
        (1, [R, X], True, 1, "kept"),
        (1, [R, R], False, -1, "too easy: 2 solvers"),
        (1, [X, X], False, -1, "too hard: 0 solvers"),
        (2, [R, R, X, F], True, -1, "kept"),
        (2, [R, R, R, F], False, -1, "too easy: 3 solvers"),
        (2, [R, B, X, F], False, -1, "too hard: 1 solver"),
        (3, [R, B, X, F], True, -1, "kept"),
    ],
)
def test_all_but_k(k, votes, keep, dissenter, reason):
    decision = rules["all_but_k"](k=k)(table([votes]))
    assert decision.keep.tolist() == [keep]
    assert decision.dissenter.tolist() == [dissenter]
    assert decision.reason == [reason]


def test_all_but_one_of_five_is_four_of_five():
    votes = every_pattern(5)
    one, other = rules["all_but_k"]()(votes), rules["four_of_five"]()(votes)
    assert one.reason == other.reason
    assert np.array_equal(one.dissenter, other.dissenter)


def test_absent_agents_neither_solve_nor_fail():
    votes = absent(table([[R, R, X, R], [R, R, R, X], [X, R, R, R]]), 2)
    decision = rules["all_but_k"](k=1)(votes)
    assert decision.reason == ["too easy: 3 solvers", "kept", "kept"]
    assert decision.dissenter.tolist() == [-1, 3, 0]
    with pytest.raises(UserError, match="needs the votes of all agents"):
        rules["four_of_five"]()(absent(every_pattern(5), 0))
    with pytest.raises(UserError, match="all_but_k with k = 3 needs more than 3 voters, got 3"):
        rules["all_but_k"](k=3)(votes)


@pytest.mark.parametrize(
    ("votes", "keep", "dissenter", "reason"),
    [
        ([R, R, R, R, X], True, 4, "kept"),
        ([X, R, R, R, X], True, 4, "kept"),
        ([X, R, R, R, R], False, -1, "too easy: 4 solvers"),
        ([R, R, R, R, R], False, -1, "too easy: 4 solvers"),
        ([R, R, R, F, B], False, -1, "too hard: 2 solvers"),
    ],
)
def test_all_others_but_one(votes, keep, dissenter, reason):
    """The proposer, agent 0, has no vote."""
    decision = rules["all_but_k"](others=True)(table([votes]))
    assert decision.keep.tolist() == [keep]
    assert decision.dissenter.tolist() == [dissenter]
    assert decision.reason == [reason]


def test_all_others_but_one_looks_at_who_proposed():
    votes = replace(table([[X, R, R]] * 4), proposer=np.array([0, 1, 2, -1], dtype=np.int16))
    rule = AllButK(others=True)
    assert rule(votes).keep.tolist() == [False, True, True, True]
    assert rules["random_filter"](others=True)(votes).keep.sum() == 3
    with pytest.raises(UserError, match="k = 2 needs more than 2 voters beside the proposer, got"):
        AllButK(2, others=True)(votes)
    assert rule.describe(5) == (
        "all voters beside its proposer but exactly one solve it in every direction"
    )


def severe(cells):
    """Votes of one quiz by the cells that each agent has wrong, forward and backward."""
    wrong = np.array([cells], dtype=np.uint16)
    base = table((wrong == 0).astype(int))
    return replace(base, wrong_tokens=wrong)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([(0, 0)] * 4 + [(6, 0)] * 4, "kept"),
        ([(0, 0)] * 4 + [(0, 6)] * 4, "kept"),
        ([(0, 0)] * 4 + [(5, 5)] * 4, "too easy: 0 severe failures"),
        ([(0, 0)] * 4 + [(6, 0)] * 3 + [(5, 0)], "too easy: 3 severe failures"),
        ([(0, 0)] * 3 + [(0, 1)] + [(9, 9)] * 4, "too hard: 3 solvers"),
        ([(0, 0)] * 8, "too easy: 0 severe failures"),
        ([(9, 9)] * 8, "too hard: 0 solvers"),
    ],
)
def test_severe_failure(cells, reason):
    decision = rules["severe_failure"]()(severe(cells))
    assert decision.reason == [reason]
    assert decision.keep.tolist() == [reason == "kept"]
    assert decision.dissenter.tolist() == [-1]


def test_severe_failure_counts_only_who_was_asked():
    votes = severe([(0, 0)] * 5 + [(6, 0)] * 5)
    assert rules["severe_failure"]()(absent(votes, 0, 9)).reason == ["kept"]
    with pytest.raises(UserError, match="severe_failure needs 8 voters, got 7"):
        rules["severe_failure"]()(absent(votes, 0, 1, 9))
    smaller = {"perfect": 4, "failing": 3}
    assert rules["severe_failure"](**smaller)(absent(votes, 0, 8, 9)).reason == ["kept"]


@pytest.mark.parametrize(
    ("probability", "keep", "dissenter", "reason"),
    [
        ([0.99, 0.95, 0.96, 1.0, 0.5], True, 4, "kept"),
        ([0.99, 0.2, 0.96, 0.1, 1.0], True, -1, "kept"),
        ([0.99, 0.2, 0.3, 0.1, 1.0], False, -1, "too hard: 3 fail"),
        ([0.99, 0.97, 0.96, 0.99, 1.0], False, -1, "too easy: 0 fail"),
        ([0.99, 0.94, 0.96, 0.1, 1.0], False, -1, "undecided: 1 voter"),
        ([0.6, 0.7, 0.8, 0.51, 0.9], False, -1, "undecided: 5 voters"),
    ],
)
def test_likelihood(probability, keep, dissenter, reason):
    votes = replace(table([[R] * 5]), probability=np.array([probability], dtype=np.float32))
    decision = rules["likelihood"]()(votes)
    assert decision.keep.tolist() == [keep]
    assert decision.dissenter.tolist() == [dissenter]
    assert decision.reason == [reason]


def test_what_chance_keeps_is_what_the_documentation_says():
    """Coins in two directions, then in one; the proposer is right in the first for certain."""
    rule = rules["four_of_five"]()
    for votes, kept, with_own in (
        (every_pattern(5), 15 / 1024, 13 / 512),
        (
            table([[(x,) for x in row] for row in itertools.product([0, 1], repeat=5)]),
            5 / 32,
            1 / 4,
        ),
    ):
        keep = rule(votes).keep
        assert keep.mean() == kept
        assert keep[votes.correct[:, 0, 0]].mean() == with_own
    docs = " ".join((ROOT / "docs/culture.md").read_text().split())
    assert all(said in docs for said in ("15.6 %", "1.5 %", "25 %", "2.5 %"))


def test_a_margin_of_confidence_keeps_no_guesses():
    rule = rules["likelihood"](failed=0.05, fewest=1, most=1)
    probability = np.array(
        [[0.25] * 5, [0.99] * 4 + [0.25], [0.99] * 4 + [0.01], [0.99] * 3 + [0.01] * 2], dtype="f4"
    )
    votes = replace(table([[R] * 5] * 4), probability=probability)
    decision = rule(votes)
    assert decision.keep.tolist() == [False, False, True, False]
    assert decision.dissenter.tolist() == [-1, -1, 4, -1]
    assert decision.reason[1] == "undecided: 1 voter"


def test_likelihood_of_the_voters_only():
    probability = np.array([[0.1, 0.99, 0.99, 0.7, 0.2]], dtype=np.float32)
    votes = absent(replace(table([[R] * 5]), probability=probability), 0, 3)
    assert rules["likelihood"]()(votes).dissenter.tolist() == [4]
    with pytest.raises(UserError, match="likelihood with most = 2 needs more than 2 voters, got 2"):
        rules["likelihood"]()(absent(votes, 0, 1, 3))


def test_random_filter_keeps_as_many_and_not_the_same():
    votes = every_pattern(5)
    ruled, drawn = rules["all_but_k"]()(votes), rules["random_filter"]()(votes)
    assert drawn.keep.sum() == ruled.keep.sum()
    assert not np.array_equal(drawn.keep, ruled.keep)
    other = rules["random_filter"](seed=1)(votes)
    assert other.keep.sum() == drawn.keep.sum()
    assert not np.array_equal(other.keep, drawn.keep)


def test_random_likelihood_keeps_as_many_as_the_margin_of_confidence():
    votes = every_pattern(5)
    sure = np.where(votes.correct.all(axis=2), 0.99, 0.1).astype(np.float32)
    votes = replace(votes, probability=sure)
    ruled, drawn = rules["likelihood"]()(votes), rules["random_likelihood"]()(votes)
    assert 0 < drawn.keep.sum() == ruled.keep.sum() < len(votes)
    assert not np.array_equal(drawn.keep, ruled.keep)
    assert (drawn.dissenter == -1).all()
    other = rules["random_likelihood"](seed=1)(votes)
    assert not np.array_equal(other.keep, drawn.keep)


def test_random_filter_draws_every_quiz_as_often():
    votes, times = every_pattern(3), 400
    kept = sum(rules["random_filter"](seed=s)(votes).keep.astype(int) for s in range(times))
    expected = kept.mean()
    spread = (expected * (1 - expected / times)) ** 0.5
    assert np.abs(kept - expected).max() < 5 * spread


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ("five_of_four", "unknown culture.rule 'five_of_four'; known: all_but_k, four_of_five,"),
        ({"name": "all_but_k", "j": 1}, "unknown option culture.rule.j; known here: k"),
        ({"name": "four_of_five", "k": 1}, "unknown option culture.rule.k; known here: none"),
        ({"name": "all_but_k", "k": 1.5}, "option culture.rule.k must be a whole number, got 1.5"),
        ({"name": "likelihood", "failed": 0.95}, "needs failed .0.95. below understood .0.95."),
        (
            {"name": "all_but_k", "k": float("nan")},
            "k must be a whole number, got nan",
        ),
        (
            {"name": "likelihood", "failed": float("inf")},
            "option culture.rule.failed must be a finite number, got inf",
        ),
        ({"name": "all_but_k", "k": 0}, r"rule all_but_k\.k must be at least 1, got 0"),
        ({"name": 3}, "option culture.rule.name must be a string, got 3"),
        (3, "option culture.rule must be a name or an object of options, got 3"),
    ],
)
def test_options_that_a_rule_cannot_have_are_refused(tree, message):
    with pytest.raises(UserError, match=message):
        from_tree(Rule, tree, "culture.rule")


@pytest.mark.parametrize("name", rules.names())
def test_a_rule_is_read_by_its_name_and_written_with_its_options(name):
    rule = rules[name]()
    assert from_tree(Rule, name) == from_tree(Rule, {"name": name}) == rule
    assert from_tree(Rule, json.loads(json.dumps(to_tree(rule)))) == rule


def test_every_rule_says_when_it_keeps_a_quiz():
    said = {name: rules[name]().describe(5) for name in rules}
    assert said["four_of_five"] == "exactly four of five agents solve it in every direction"
    assert AllButK(2).describe(6) == "all voters but exactly two solve it in every direction"
    assert len(set(said.values())) == len(rules.names())


@pytest.mark.parametrize("name", rules.names())
def test_every_rule_is_a_pure_function_in_which_order_plays_no_part(name):
    judged = 0
    for n_agents in range(2, 9):
        try:
            rules[name]()(trial_votes(n_agents))
        except UserError:
            continue
        judged += 1
        votes = every_pattern(n_agents)
        before = votes.correct.copy()
        decision = rules[name]()(votes)
        assert np.array_equal(votes.correct, before)
        assert len(decision) == len(votes)
        assert [reason == "kept" for reason in decision.reason] == decision.keep.tolist()
        assert set(decision.dissenter) <= set(range(-1, n_agents))
        assert (decision.dissenter[~decision.keep] == -1).all()
        backwards = rules[name]()(votes[np.arange(len(votes))[::-1]])
        assert backwards.reason == decision.reason[::-1]
        assert np.array_equal(backwards.keep, decision.keep[::-1])
        assert np.array_equal(backwards.dissenter, decision.dissenter[::-1])
    assert judged


def test_wrong_shapes_are_refused():
    good = table([[R, R, R, R, X]] * 2)
    with pytest.raises(ValueError, match=r"proposer must be int16 \[2\] like correct"):
        replace(good, proposer=np.zeros(3, dtype=np.int16))
    with pytest.raises(ValueError, match=r"correct must be bool \[B, N, D\]"):
        replace(good, correct=good.correct[:, :, 0])
    with pytest.raises(ValueError, match=r"wrong_tokens must be uint16 \[2, 5, 1\] like correct"):
        replace(good, correct=good.correct[:, :, :1])
    with pytest.raises(ValueError, match=r"probability must be float32 \[2, 5\] like correct"):
        replace(good, probability=np.zeros(2, dtype=np.float32))
    with pytest.raises(ValueError, match=r"keep must be bool \[1\] like reason"):
        Decision(np.ones(2, dtype=np.bool_), np.zeros(1, dtype=np.int16), ["kept"])
