"""Rivals to an answer: found where agents or rules give one, and weighed as agents weigh them."""

from __future__ import annotations

import numpy as np
import pytest

from agents.scoring import answers, score
from culture_sim.culture.analysis.rivals import Rivals, rivals
from world import UNKNOWN_TASK, QuizBatch, Stream


@pytest.fixture(scope="module")
def drawn(world):
    return world.generate(Stream(8, "rivals").generator(), 60)


@pytest.fixture(scope="module")
def found(agents, world, drawn):
    return rivals(agents, world, drawn, Stream(3, "rivals"))


def test_world_quizzes_have_no_other_answer_by_rule(found):
    assert not found.by_rule.any()


def test_what_agents_answer_instead_is_a_rival(agents, world, drawn, found):
    for direction in (0, 1):
        asked = world.arrange(drawn, direction)
        wrong = [
            (answers(model, world, asked).tokens != asked.tokens).any(axis=1) for model in agents
        ]
        assert (found.found[np.any(wrong, axis=0), direction] >= 1).all()
    none = found.found == 0
    assert none.any()
    assert not found.ratio[none].any()


def test_a_rival_is_weighed_by_all_agents(agents, world, drawn):
    """Where all agents answer the same and the stored answer is another, theirs is likelier."""
    given = [answers(model, world, drawn).tokens for model in agents]
    agreed = np.all([tokens == given[0] for tokens in given], axis=(0, 2))
    swapped = QuizBatch(
        np.roll(given[0][agreed], 1, axis=0),
        drawn.layout[agreed],
        np.full(int(agreed.sum()), UNKNOWN_TASK, np.int16),
    )
    prompt = world.codec.kinds[0] < 3
    tokens = swapped.tokens.copy()
    tokens[:, prompt] = given[0][agreed][:, prompt]
    other = QuizBatch(tokens, swapped.layout, swapped.task)
    right = QuizBatch(given[0][agreed], swapped.layout, swapped.task)
    changed = (other.tokens != right.tokens).any(axis=1)
    assert changed.sum() > 10
    result = rivals(agents, world, other[changed], Stream(0, "rivals"))
    gains = [
        score(m, world, right[changed]).log_prob - score(m, world, other[changed]).log_prob
        for m in agents
    ]
    least = np.exp(np.mean(gains, axis=0, dtype=np.float64))
    assert (result.ratio[:, 0] >= least * (1 - 1e-4)).all()
    assert result.contested.mean() > 0.9
    assert (result.same[:, 0] == len(agents)).all()
    # The world's rules give the right one, too.
    assert result.by_rule.any()


def test_the_seed_decides(agents, world, drawn, found):
    again = rivals(agents, world, drawn, Stream(3, "rivals"))
    assert np.array_equal(found.ratio, again.ratio)
    assert np.array_equal(found.found, again.found)
    assert not np.array_equal(found.found, rivals(agents, world, drawn, Stream(5, "rivals")).found)


def test_a_likely_rival_in_either_direction_contests_a_quiz():
    made = Rivals(
        ratio=np.array([[0.1, 0.2], [0.6, 0.0], [0.0, 0.5], [0.0, 0.0]]),
        by_rule=np.array([False, False, False, True]),
        found=np.ones((4, 2), dtype=np.int64),
        same=np.zeros((4, 2), dtype=np.int64),
    )
    assert made.contested.tolist() == [False, True, True, False]


def test_agents_that_give_the_same_rival_are_counted(agents, world, drawn, found):
    for direction in (0, 1):
        asked = world.arrange(drawn, direction)
        given = [answers(model, world, asked).tokens for model in agents]
        for quiz, right in enumerate(asked.tokens):
            others = [mine[quiz].tobytes() for mine in given if (mine[quiz] != right).any()]
            most = max((others.count(other) for other in others), default=0)
            assert found.same[quiz, direction] == most


def test_no_quizzes(agents, world, drawn):
    assert rivals(agents, world, drawn[:0], Stream(0, "rivals")).contested.shape == (0,)
