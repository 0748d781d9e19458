"""Five agents of one setting, trained for a moment; they are not to be changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from culture_sim.experiments.brackets import Brackets
from culture_sim.experiments.brackets.agent import Agent
from culture_sim.experiments.units import Place, make
from tests.helpers.once import made_once

SMALL = Brackets(
    seeds=5, shares=(0.0,), layers=(1,), weight_decays=(0.0,), deeper=0, one_way=False,
    length=16, width=16, strings=512, exam=40, inside=10, probed=1, scratch_seeds=0,
    culture_seeds=0,
)  # fmt: skip


@pytest.fixture(scope="session")
def agents() -> tuple[Agent, ...]:
    return tuple(SMALL.agents())


@pytest.fixture(scope="session")
def place(takes_long, tmp_path_factory, agents: tuple[Agent, ...]) -> Place:
    """Where the five are."""

    def train(path: Path) -> None:
        for agent in agents:
            make(Place(path), agent)

    return Place(made_once(tmp_path_factory, "brackets-agents", train))
