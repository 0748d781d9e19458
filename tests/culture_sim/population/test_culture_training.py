"""Training on kept quizzes: the mix, the examinations, kills during it, and what comes after it."""

from __future__ import annotations

import json
import re
import shutil
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from accelerate import Accelerator

from agents.training import mixed_draw, task_weights_for
from culture_sim.culture.curriculum import make_curriculum
from culture_sim.culture.records import quizzes_of
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import vote
from culture_sim.population.learners import MOST_LEARNERS
from culture_sim.population.learning import restarts
from culture_sim.population.population import Population
from culture_sim.report import write_report
from culture_sim.report.gallery import data as gallery
from culture_sim.run.run import Run
from tests.helpers.launched import at_work
from tests.helpers.processes import equal, kill_with_workers, tensors, wait_until
from tests.helpers.stored_round import AGENTS, EASY, EPOCH, HARD, HELD_OUT, TRAIN, culture_sim
from world import UNKNOWN_TASK, Stream, World


def test_a_stored_round_is_not_made_again(stored, trained):
    for name in ("round-0001.parquet", "round-0001.json"):
        files = [path / "culture" / name for path in (stored, trained)]
        assert files[0].read_bytes() == files[1].read_bytes()
    figures = Run.open(trained).summary()["culture"]["rounds"][0]
    assert figures["kept"] == TRAIN + HELD_OUT
    assert figures["voted"] == TRAIN + HELD_OUT + EASY + HARD
    assert (figures["culture_train"], figures["culture_test"]) == (TRAIN, HELD_OUT)
    assert figures["by_reason"]["too hard: 0 solvers"] == HARD
    assert sum(figures["dissenters"]) == figures["kept"]


def test_every_agent_is_examined_before_and_after_culture(trained):
    run = Run.open(trained)
    for agent, figures in enumerate(run.summary()["culture"]["agents"]):
        state = run.agent_state(agent)
        assert (state.round, state.round_began, state.quizzes) == (1, EPOCH, 2 * EPOCH)
        for result in (state.culture_before, state.culture_after):
            assert result.total == 2 * HELD_OUT
            assert set(result.accuracy_by["layout"]) == {"A,fA,B,fB", "fA,A,fB,B"}
        for name in ("culture_before", "culture_after"):
            assert figures[name] == getattr(state, name).as_dict()
        for result in (state.transfer_before, state.transfer_after):
            assert result.total == 20
            assert "isometry" in result.accuracy_by["task"]
            assert not set(result.accuracy_by["task"]) & set(run.config.world.tasks)
        assert figures["test"]["total"] == 20
        first, second = figures["course"]
        assert (first["round"], second["round"]) == (0, 1)
        assert first["culture_after"] is None
        for key in ("test", "culture_before", "culture_after", "transfer_after"):
            assert second[key] == getattr(state, key).as_dict()
        assert first["quizzes"] < second["quizzes"] == state.quizzes


def again(stored, path, *, culture, epochs=1, fresh=True):
    """Agent 0's training for round 1 in this process, in a copy of the run; returns the copy.

    fresh: every epoch by a population that knows only what is on disk, as after a kill.
    """
    shutil.copytree(stored, path)
    run = Run.open(path)
    train = replace(run.config.train, target=1.0, max_quizzes=epochs * EPOCH)
    run = replace(run, config=replace(run.config, train=train))
    store = CultureStore(path / "culture")
    curriculum = make_curriculum(store, run.config.world, "all", AGENTS) if culture else None
    for epoch in range(epochs):
        if fresh or not epoch:
            population = Population(run, Accelerator(cpu=True), 1, curriculum)
        population.train_epoch(0)
    return path


def weights(path):
    return {key: value for key, value in tensors(path).items() if key[0] == "0"}


def test_agents_begin_anew_when_enough_is_kept(stored, trained, tmp_path):
    path = tmp_path / "anew"
    shutil.copytree(stored, path)
    assert culture_sim(path, "culture-round", "--culture.restart-quota", "5") == 0
    for agent in range(AGENTS):
        state, other = (Run.open(p).agent_state(agent) for p in (path, trained))
        assert (state.generation, other.generation) == (1, 0)
        assert (state.round_began, state.quizzes) == (0, EPOCH)
        # The agents that made the round were examined before they were deleted.
        assert state.culture_before == other.culture_before
        assert state.transfer_before == other.transfer_before
    assert not equal(weights(path), weights(trained))
    run = Run.open(path)
    curriculum = make_curriculum(CultureStore(path / "culture"), run.config.world, "all", AGENTS)
    population = Population(run, Accelerator(cpu=True), 1, curriculum)
    learner, state = population.learners.open(0, population.round)
    assert learner.stream.round == 1
    drawn = population.draw(learner, state)(EPOCH, 4096)
    assert abs((drawn.task == UNKNOWN_TASK).mean() - 0.5) < 0.05


@pytest.mark.parametrize(
    ("quota", "expected"), [(0, [False] * 3), (5, [True, False, True]), (7, [False, True, False])]
)
def test_agents_begin_anew_at_every_multiple_of_the_quota(quota, expected):
    class Kept:
        """Three rounds that kept 5, 4 and 2 quizzes."""

        def rounds(self):
            return [1, 2, 3]

        def decision(self, number):
            return SimpleNamespace(keep=np.ones([5, 4, 2][number - 1], dtype=np.bool_))

    assert [restarts(Kept(), number, quota) for number in (1, 2, 3)] == expected


def test_the_agents_trained_on_the_kept_quizzes(stored, trained, tmp_path):
    assert equal(weights(again(stored, tmp_path / "with", culture=True)), weights(trained))
    assert not equal(weights(again(stored, tmp_path / "without", culture=False)), weights(trained))


def test_a_process_goes_on_with_a_round_that_another_began(stored, tmp_path):
    one = again(stored, tmp_path / "one", culture=True, epochs=2, fresh=False)
    other = again(stored, tmp_path / "other", culture=True, epochs=2, fresh=True)
    assert equal(weights(one), weights(other))
    states = [replace(Run.open(path).agent_state(0), seconds=0.0) for path in (one, other)]
    assert states[0] == states[1]
    assert (states[0].round_began, states[0].quizzes) == (EPOCH, 3 * EPOCH)


def test_no_more_than_a_few_agents_are_in_memory(stored, monkeypatch):
    """Those that were used last."""
    monkeypatch.setattr("culture_sim.population.learners.MOST_LEARNERS", 4)
    population = Population(Run.open(stored), Accelerator(cpu=True), 0)
    alive = weakref.WeakSet()
    for agent in (0, 1, 2, 0, 3, 4):
        alive.add(population.learners.open(agent, 0)[0])
        assert len(alive) <= 4 < AGENTS
    assert population.learners.in_memory == [2, 0, 3, 4]
    assert population.learners.open(0, population.round)[0] in alive


def test_agents_that_leave_memory_learn_the_same(stored, tmp_path, monkeypatch):
    paths = {most: shutil.copytree(stored, tmp_path / str(most)) for most in (1, MOST_LEARNERS)}
    for most, path in paths.items():
        monkeypatch.setattr("culture_sim.population.learners.MOST_LEARNERS", most)
        run = Run.open(path)
        train = replace(run.config.train, epoch_quizzes=64)
        run = replace(run, config=replace(run.config, train=train))
        population = Population(run, Accelerator(cpu=True), 0)
        for agent in (0, 1, 0):
            population.train_epoch(agent)
        assert len(population.learners) == min(most, 2)
    few, many = paths.values()
    assert equal(tensors(few), tensors(many))
    assert not equal(tensors(few), tensors(stored))


@pytest.mark.parametrize(
    ("max_share", "expected"),
    [(1.0, TRAIN / EPOCH), (0.05, 0.05), (0.0, 0.0)],
)
def test_the_mix_has_every_kept_quiz_once_an_epoch_up_to_the_cap(stored, max_share, expected):
    run = Run.open(stored)
    config = replace(run.config, culture=replace(run.config.culture, max_share=max_share))
    store = CultureStore(stored / "culture")
    kept, curriculum = (
        store.kept("culture_train"),
        make_curriculum(store, run.config.world, "all", AGENTS),
    )
    population = Population(replace(run, config=config), Accelerator(cpu=True), 1, curriculum)
    learner, state = population.learners.open(0, population.round)
    count = 8192
    drawn = population.draw(learner, state)(EPOCH, count)
    culture = drawn.task == UNKNOWN_TASK
    spread = 5 * (expected * (1 - expected) / count) ** 0.5
    assert abs(culture.mean() - expected) <= spread
    world = config.world
    assert (world.split_of(drawn) == World.splits.index("train")).all()
    task_weights = task_weights_for(
        state.validation.accuracy_by["task"], world.tasks, config.train.error_weighting
    )
    own = world.draw(learner.stream.with_role("world-train"), EPOCH, count, "train", task_weights)
    assert np.array_equal(drawn.tokens[~culture], own.tokens[~culture])
    chosen = world.canonical_hash(drawn[culture])
    assert set(chosen.tolist()) == (set(world.canonical_hash(kept).tolist()) if expected else set())


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_mix_is_addressed_by_index(stored, share):
    run, stream = Run.open(stored), Stream(0, "", agent=2)
    kept = CultureStore(stored / "culture").kept("culture_train")
    draw = mixed_draw(run.config.world, stream, kept, share)
    draw(0, 64)
    one, later = draw(256, 128), draw(384, 128)
    again = mixed_draw(run.config.world, stream, kept, share)(256, 128)
    assert np.array_equal(one.tokens, again.tokens)
    assert np.array_equal(one.task, again.task)
    assert not np.array_equal(one.tokens, later.tokens)
    assert abs((one.task == UNKNOWN_TASK).mean() - share) <= 5 * (share * (1 - share) / 128) ** 0.5
    other = mixed_draw(run.config.world, replace(stream, agent=3), kept, share)(256, 128)
    assert not np.array_equal(one.tokens, other.tokens)


def first_checkpoint(path):
    """True once an agent is saved in the middle of its training for round 1."""
    return any(state.round == 1 for state in map(Run.open(path).agent_state, range(AGENTS)))


@pytest.mark.slow
def test_a_round_killed_in_training_goes_on_bit_for_bit(stored, trained, tmp_path):
    path = tmp_path / "cut"
    shutil.copytree(stored, path)
    words = ["culture-round", "--runs", tmp_path, "--run", "cut", "--processes", "1"]
    with at_work(words) as process:
        wait_until(lambda: first_checkpoint(path), process)
        kill_with_workers(process, path)
    states = [Run.open(path).agent_state(agent) for agent in range(AGENTS)]
    assert sum(state.quizzes for state in states) < AGENTS * 2 * EPOCH, "killed too late"
    assert any(state.round == 1 for state in states)
    assert culture_sim(path, "culture-round") == 0
    assert equal(tensors(path), tensors(trained))
    for agent in range(AGENTS):
        ours, whole = (Run.open(p).agent_state(agent) for p in (path, trained))
        assert replace(ours, seconds=0.0) == replace(whole, seconds=0.0)


def test_the_report_has_every_kept_quiz_with_the_answers_of_agents_as_they_are(trained):
    run = Run.open(trained)
    page = write_report(run).read_text()
    found = re.search(r'id="gallery-data">(.*?)</script>', page)
    quizzes = json.loads(found[1])["quizzes"]
    store = CultureStore(trained / "culture")
    decision, kept = store.decision(1), gallery.kept_table(store)
    assert quizzes["dissenter"] == decision.dissenter[decision.keep].tolist()
    models = [run.load_agent(agent) for agent in run.agents]
    nobody = np.full(len(kept), -1, dtype=np.int16)
    votes = vote(models, run.config.world, quizzes_of(kept), nobody)
    for given, correct in zip(quizzes["answers"], votes.correct, strict=True):
        assert set(given) == {f"{agent},{d}" for agent, d in np.argwhere(~correct).tolist()}
