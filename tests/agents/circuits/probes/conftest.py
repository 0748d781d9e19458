"""The network set by hand, and what it reads."""

from __future__ import annotations

import numpy as np
import pytest

from agents.model import AgentModel
from tests.helpers.sign_voter import LAST, PLUS, random_signs, sign_voter
from world import QuizBatch


@pytest.fixture(scope="session")
def voter() -> AgentModel:
    return sign_voter()


@pytest.fixture(scope="session")
def signs() -> QuizBatch:
    return random_signs(200)


@pytest.fixture(scope="session")
def sums(signs: QuizBatch) -> np.ndarray:
    """float64 [200]: PLUS less MINUS among the 11 signs read before the answer."""
    return np.where(signs.tokens[:, :LAST] == PLUS, 1.0, -1.0).sum(axis=1)
