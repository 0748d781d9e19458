"""Consensus rules: the source's on hand-made votes, and what every registered rule promises."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from culture_sim.consensus import rules
from culture_sim.votes import Decision, VoteTable, no_votes
from world.errors import UserError


def table(correct):
    """Votes from nested lists [B, N, 2] of right (1) and wrong (0)."""
    correct = np.array(correct, dtype=np.bool_)
    wrong = np.where(correct, 0, 3).astype(np.uint16)
    log_prob = np.where(correct, -0.1, -9.0).astype(np.float32)
    return VoteTable(correct, wrong, log_prob, np.zeros(len(correct), dtype=np.int16))


def every_pattern(n_agents):
    """All ways in which agents can be right in both directions, one, the other or none."""
    one_agent = list(itertools.product([0, 1], repeat=2))
    return table(list(itertools.product(one_agent, repeat=n_agents)))


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
    decision = rules["four_of_five"](table([votes]))
    assert decision.keep.tolist() == [keep]
    assert decision.dissenter.tolist() == [dissenter]
    assert decision.reason == [reason]


def test_four_of_five_keeps_exactly_the_quizzes_with_one_dissenter():
    votes = every_pattern(5)
    decision = rules["four_of_five"](votes)
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
        rules["four_of_five"](no_votes(n_agents))


@pytest.mark.parametrize("name", rules.names())
def test_every_rule_is_a_pure_function_of_each_quiz_by_itself(name):
    judged = 0
    for n_agents in range(2, 7):
        try:
            rules[name](no_votes(n_agents))
        except UserError:
            continue
        judged += 1
        votes = every_pattern(n_agents)
        before = votes.correct.copy()
        decision = rules[name](votes)
        assert np.array_equal(votes.correct, before)
        assert len(decision) == len(votes)
        assert [reason == "kept" for reason in decision.reason] == decision.keep.tolist()
        assert set(decision.dissenter) <= set(range(-1, n_agents))
        assert (decision.dissenter[~decision.keep] == -1).all()
        backwards = rules[name](votes[np.arange(len(votes))[::-1]])
        assert backwards.reason == decision.reason[::-1]
        assert np.array_equal(backwards.keep, decision.keep[::-1])
        assert np.array_equal(backwards.dissenter, decision.dissenter[::-1])
    assert judged


def test_wrong_shapes_are_refused():
    good = table([[R, R, R, R, X]] * 2)
    with pytest.raises(ValueError, match=r"proposer must be int16 \[2\] like correct"):
        VoteTable(good.correct, good.wrong_cells, good.log_prob, np.zeros(3, dtype=np.int16))
    with pytest.raises(ValueError, match=r"correct must be bool \[B, N, 2\]"):
        VoteTable(good.correct[:, :, :1], good.wrong_cells, good.log_prob, good.proposer)
    with pytest.raises(ValueError, match=r"keep must be bool \[1\] like reason"):
        Decision(np.ones(2, dtype=np.bool_), np.zeros(1, dtype=np.int16), ["kept"])
