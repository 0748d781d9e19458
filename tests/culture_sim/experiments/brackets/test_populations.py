"""Populations of known composition, and what their rounds keep."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from culture_sim.culture.rules.random_likelihood import RandomLikelihood
from culture_sim.experiments.brackets import Brackets
from culture_sim.experiments.brackets.agent import Agent
from culture_sim.experiments.brackets.exam import EQUAL, exam_of, verdict_logits
from culture_sim.experiments.brackets.populations import (
    ARMS,
    MARGIN,
    Population,
    accuracies,
    chance_rates,
    compose,
    kept_figures,
    pools,
    read_population,
)
from culture_sim.experiments.runs import Treatment
from culture_sim.experiments.units import Place, make
from culture_sim.run.run import Run
from tests.helpers.brackets import quizzes
from world.brackets import BracketsWorld
from world.brackets.nesting import OPEN

TREATMENT = Treatment(rounds=1, proposals=640, lesson=64, share=0.5)


def population(agents: tuple[Agent, ...], arm: str, seed: int = 0) -> Population:
    return Population(
        agents=agents, nesters=2, arm=arm, seed=seed, treatment=TREATMENT, exam=agents[0].exam
    )


def test_arms_differ_in_what_is_taught(agents: tuple[Agent, ...]) -> None:
    configs = {arm: population(agents, arm).config for arm in ARMS}
    assert configs["none"].culture.trains_on == "none"
    assert configs["full"].culture.rule == MARGIN
    assert isinstance(configs["random_filter"].culture.rule, RandomLikelihood)
    lessons = {
        (c.train.max_quizzes, c.train.epoch_quizzes, c.train.target) for c in configs.values()
    }
    assert lessons == {(64, 64, 0.0)}
    assert {c.world.equal_count_share for c in configs.values()} == {0.0}


@pytest.mark.slow
def test_a_population_goes_through_its_rounds(place: Place, agents: tuple[Agent, ...]) -> None:
    unit = population(agents, "full")
    make(place, unit)
    rounds = read_population(place, unit)
    assert [each["round"] for each in rounds] == [0, 1]
    assert accuracies(rounds).shape == (2, 5)
    assert rounds[1]["proposed"]["all"]["quizzes"] > 0
    run = Run.open(place.of(unit) / "run")
    strings = unit.exam.parts[EQUAL]
    opened = strings[:, 0] == OPEN
    for number, accuracy in enumerate(rounds[1]["accuracy"]):
        said = verdict_logits(run.load_agent(number), agents[0].world, strings) > 0
        assert accuracy == pytest.approx(1 - said.mean())
        assert accuracies(rounds)[1, number] == pytest.approx(1 - said[opened].mean())
        # It began as the agent that it is a copy of, and has learned since.
        state = run.agent_state(number)
        assert state is not None
        assert (state.agent, state.quizzes) == (number, agents[0].train.max_quizzes + 64)
    make(place, unit)
    assert read_population(place, unit) == rounds


def test_what_is_kept_is_counted_by_kind_and_verdict() -> None:
    world = BracketsWorld(length=8)
    batch = quizzes(world, "()", "())(", ")(", "(((", "())(", "()")
    tokens = batch.tokens.copy()
    tokens[[1, 5], world.codec.answer] = 7 - tokens[[1, 5], world.codec.answer]
    table = pa.table(
        {
            "tokens": pa.FixedSizeListArray.from_arrays(tokens.ravel(), tokens.shape[1]),
            "keep": [True, True, True, True, False, False],
        }
    )
    figures = kept_figures(world, table)
    assert figures["proposed"]["all"] == {"quizzes": 6, "right": 4}
    assert figures["kept"]["all"] == {"quizzes": 4, "right": 3}
    assert figures["kept"]["equal"] == {"quizzes": 3, "right": 2}
    assert figures["kept"]["unbalanced_equal"] == {"quizzes": 2, "right": 1}
    assert figures["kept"]["undecided"] == {"quizzes": 1, "right": 0}


def test_rates_of_chance_are_those_of_coins() -> None:
    any_, own = chance_rates(2)
    assert any_ == pytest.approx(5 * 0.25**4 * 0.75)
    assert own == pytest.approx(0.5 * 4 * 0.25**3 * 0.75 + 0.5 * 0.25**4)
    coins = np.random.default_rng(0).random((200_000, 5, 2)) < 0.5
    assert abs((coins.all(axis=2).sum(axis=1) == 4).mean() - any_) < 0.002
    coins[:, 0, 0] = True
    assert abs((coins.all(axis=2).sum(axis=1) == 4).mean() - own) < 0.002


def test_compositions_are_exact_and_change_with_the_seed() -> None:
    agents = Brackets(seeds=8).agents()
    nesting, others = agents[:6], agents[6:10]
    members = compose(nesting, others, 3, seed=0)
    assert members is not None
    assert (len(set(members) & set(nesting)), len(set(members) & set(others))) == (3, 2)
    other = compose(nesting, others, 3, seed=1)
    assert other is not None
    assert set(other) != set(members)
    assert compose(nesting, others, 0, seed=0) is None
    assert compose(nesting, [], 5, seed=0) == tuple(nesting[:5])


def test_pools_are_of_one_network_with_both_rules() -> None:
    agents = Brackets(seeds=3, deeper=0, one_way=False).agents()
    deep = [a for a in agents if a.model.n_layers == 2]
    accuracies = {a: 0.9 if a in deep else 0.0 for a in agents}
    accuracies[deep[0]], accuracies[deep[1]], accuracies[deep[2]] = 0.1, 0.5, 0.99
    nesting, others = pools(accuracies)
    assert others == [deep[0]]
    # The clear one first, then those that lean.
    assert nesting == deep[2:]
    accuracies[deep[3]], accuracies[deep[2]] = 0.99, 0.9
    assert pools(accuracies)[0][:2] == [deep[3], deep[2]]
    # Where no network has both rules, that with most agents of one.
    assert pools({a: 0.9 if a in deep else 0.5 for a in agents}) == (deep, [])
    assert pools({}) == ([], [])


def test_others_make_another_population(agents: tuple[Agent, ...]) -> None:
    assert population(agents, "full").name != population(agents[::-1], "full").name
    assert exam_of(16, 40) is agents[0].exam
