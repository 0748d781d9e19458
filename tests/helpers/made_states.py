"""Evaluations as an agent's state holds them."""

from agents.evaluation import Evaluation


def evaluation(accuracy, total=1000):
    """One of so many quizzes; only the accuracy matters."""
    return Evaluation(accuracy, round(accuracy * total), total, 0.0, 1.0, {"task": {}}, 0.1)
