"""Mistakes of an agent: answers that are none of the right ones."""

import numpy as np

from tests.helpers.commands import culture_sim


def test_mistakes_are_shown_and_any_right_answer_is_none(runs, monkeypatch):
    words = ("quizzes", "--runs", str(runs), "--run", "smoke", "--agent", "0", "--count", "1")
    ended = culture_sim(*words)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("agent 0 answers") == 1

    def all_right(model, world, batch):
        return np.ones(len(batch), dtype=np.bool_), np.zeros(len(batch))

    monkeypatch.setattr("agents.evaluation.exact", all_right)
    assert "answers all of 1,000 quizzes" in culture_sim(*words).stderr
