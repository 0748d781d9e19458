"""What agents train on: all of culture, their own, the first round's, or none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerate import Accelerator

from culture_sim.culture.curriculum import held_out_asked, make_curriculum
from culture_sim.culture.store import CultureStore
from culture_sim.population.population import Population
from culture_sim.run.run import Run
from tests.helpers.stored_round import AGENTS, EPOCH, TRAIN
from world import UNKNOWN_TASK, Stream
from world.grids.world import GridsWorld
from world.names import NamesWorld
from world.strings import StringsWorld

WORLD = GridsWorld(height=7, width=7)


@pytest.fixture
def store(stored):
    return CultureStore(stored / "culture")


def test_each_agent_trains_on_what_it_proposed(store):
    curriculum = make_curriculum(store, WORLD, "own", AGENTS)
    table = store.table(1).to_pandas()
    for agent, quizzes in enumerate(curriculum.by_agent):
        own = table[table["keep"] & (table["split"] == "culture_train")]
        own = own[own["proposer"] == agent]["tokens"]
        assert np.array_equal(quizzes.tokens, np.stack(own))
        assert len(quizzes) > 0
    assert sum(map(len, curriculum.by_agent)) == curriculum.kept == TRAIN


@pytest.mark.parametrize(("trains_on", "size"), [("all", TRAIN), ("first", TRAIN), ("none", 0)])
def test_all_agents_train_on_the_same(store, trains_on, size):
    curriculum = make_curriculum(store, WORLD, trains_on, AGENTS)
    assert [len(quizzes) for quizzes in curriculum.by_agent] == [size] * AGENTS
    assert curriculum.kept == TRAIN
    assert np.array_equal(curriculum.held_out.tokens, store.kept("culture_test").tokens)


@pytest.mark.parametrize(
    ("trains_on", "repeats", "expected"),
    [
        ("all", 1.5, 1.5 * TRAIN / EPOCH),
        ("own", 1.5, 1.5 * TRAIN / EPOCH),
        ("own", 100.0, 0.5),
        ("none", 1.5, 0.0),
    ],
)
def test_the_share_of_culture_does_not_depend_on_who_trains_on_what(
    stored, store, trains_on, repeats, expected
):
    run = Run.open(stored)
    culture = replace(run.config.culture, trains_on=trains_on, repeats=repeats)
    run = replace(run, config=replace(run.config, culture=culture))
    curriculum = make_curriculum(store, WORLD, trains_on, AGENTS)
    population = Population(run, Accelerator(cpu=True), 1, curriculum)
    learner, state = population.learners.open(3, 1)
    drawn = population.draw(learner, state)(0, 8192)
    share = (drawn.task == UNKNOWN_TASK).mean()
    assert abs(share - expected) <= 5 * (expected * (1 - expected) / 8192) ** 0.5
    if expected:
        hashes = set(run.config.world.canonical_hash(curriculum.by_agent[3]).tolist())
        chosen = run.config.world.canonical_hash(drawn[drawn.task == UNKNOWN_TASK])
        assert set(chosen.tolist()) == hashes


@pytest.mark.parametrize("world", [WORLD, StringsWorld()], ids=["grids", "strings"])
def test_the_exam_asks_for_the_pair_that_is_held_out(world):
    """Of a quiz that mixes pairs, the one to train on becomes the example."""
    train, test = (world.draw(Stream(0, "x"), 0, 50, split) for split in ("train", "test"))
    question = world.slots[0] >= world.example_parts
    for first, second in ((train, test), (test, train), (test, test)):
        mixed = replace(first, tokens=np.where(question, second.tokens, first.tokens), regions=None)
        asked = held_out_asked(world, mixed)
        assert (world.unit_split_of(asked)[:, 1] > 0).all()
        assert np.array_equal(world.canonical_hash(asked), world.canonical_hash(mixed))
    assert np.array_equal(world.units_of(world.exchanged(test)), world.units_of(test)[:, ::-1])
    assert len(held_out_asked(world, test[:0])) == 0


def test_a_quiz_without_an_example_asks_for_all_its_units():
    """Of a known pair of names in a new template, too."""
    world = NamesWorld()
    known, new = (world.draw(Stream(0, "mixed"), 0, 40, split) for split in ("train", "test"))
    made = world.read(known).sentences
    halves = world.read(new).sentences
    mixed = replace(made, opening=halves.opening, ending=halves.ending)
    quizzes = replace(known, tokens=world.codec.tokens(mixed))
    assert (world.unit_split_of(quizzes) == [0, 1]).all()
    assert held_out_asked(world, quizzes) is quizzes
    swapped = replace(halves, opening=made.opening, ending=made.ending)
    quizzes = replace(known, tokens=world.codec.tokens(swapped))
    assert (world.unit_split_of(quizzes) == [1, 0]).all()
    assert held_out_asked(world, quizzes) is quizzes


def test_a_run_without_culture_has_no_curriculum(tmp_path):
    with pytest.raises(ValueError, match="no culture round is stored"):
        make_curriculum(CultureStore(tmp_path), WORLD, "all", AGENTS)
