"""A run with rounds of culture that no agent made: votes and answers by chance, on world quizzes.

Large ones cost a second instead of hours, and what the report must say of them is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest

from agents.config import ModelConfig
from culture_sim.culture.analysis.rivals import AS_LIKELY
from culture_sim.culture.analysis.table import TABLE
from culture_sim.culture.proposers import Proposals
from culture_sim.culture.records import CultureRecords, Provenance
from culture_sim.culture.round import parents_of_round
from culture_sim.culture.rules import rules
from culture_sim.culture.rules.four_of_five import FourOfFive
from culture_sim.culture.store import CultureStore, write_table
from culture_sim.culture.votes import VoteTable
from culture_sim.report import write_report
from culture_sim.report.gallery import data as gallery
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from tests.helpers.storing import append
from world import UNKNOWN_TASK, QuizBatch, Stream
from world.core.files import write_json
from world.core.options import to_tree
from world.core.rules import ExplainedBy

AGENTS, REJECTED = 5, 3
ROUNDS, SIZE = 3, 20
KEPT = ROUNDS * SIZE
"""Of the run that most tests read: rounds, and quizzes kept in each and in all."""
METHODS = ("hot_then_cold", "mutation")
RATIOS, SAME = (np.inf, 0.0, 0.0000373, 0.3, 12.4), (2, 0, 0, 1, 3)
"""Of kept quizzes in turn: how likely another answer is, and how many agents give the same."""
STRANGER = 0xFACADE0123456789
"""A hash that no quiz has, neither in the store nor among those drawn from the world."""


@dataclass(frozen=True)
class Names:
    """Hashes, uint64: of a round's quizzes, of all that there are, and of the world quizzes that
    those of the round have their example from, 0 for none."""

    own: np.ndarray
    known: np.ndarray
    example: np.ndarray


def make_run(path, rounds, size, rule=None, failing=1):
    """A run whose store has ``rounds`` rounds of ``size`` kept quizzes and a few rejected ones.

    failing: agents that fail each kept quiz, as many as the rule asks for.
    """
    run = Run.start(path, RunConfig(model=ModelConfig(d_model=32)), "compact")
    store = CultureStore(path / "culture")
    world = run.config.world
    every = world.draw(Stream(3, "made"), 0, 2 * rounds * (size + REJECTED), "train")
    example_from = _recombine(every, parents_of_round(store, world, 0, "all", 1)[0], world)
    hashes, first = np.unique(world.canonical_hash(every), return_index=True)
    order = np.argsort(first)
    assert len(order) >= rounds * (size + REJECTED)
    for number in range(1, rounds + 1):
        rows = order[(number - 1) * (size + REJECTED) :][: size + REJECTED]
        named = Names(hashes[rows], hashes[order], example_from[first[rows]])
        append(store, _records(number, every[first[rows]], named, rule or FourOfFive(), failing))
        figures = {**_figures(number, size), "culture": to_tree(run.config.culture)}
        write_json(store.folder / f"round-{number:04d}.json", figures)
    return run


def _recombine(every, parents, world):
    """Every sixth quiz gets A and f(A) of a world quiz: returns the hash of that, 0 for none."""
    rows = np.arange(0, len(every), 6)
    taken = parents[np.arange(len(rows)) % len(parents)]
    example = slice(0, world.seq_len // 2)
    every.tokens[rows, example] = taken.tokens[:, example]
    hashes = np.zeros(len(every), dtype=np.uint64)
    hashes[rows] = world.canonical_hash(taken)
    return hashes


def _records(number, batch, named, rule, failing):
    """The first quizzes of a round are rejected; from the second on, every third has two parents:
    one of the round before (the very first one rejected there) and one that nobody knows. Of the
    others, those with the example of a world quiz have that one."""
    size, rng = len(batch), np.random.default_rng(number)
    votes = _votes(size, rng, failing)
    parents = np.zeros((size, 2), dtype=np.uint64)
    parents[:, 0] = named.example
    if number > 1:
        start = (number - 2) * size
        parents[::3, 0] = named.known[start + rng.integers(size, size=len(parents[::3]))]
        parents[3, 0] = named.known[start]
        parents[::3, 1] = STRANGER
    base = Proposals.of(
        QuizBatch(batch.tokens, batch.layout, np.full(size, UNKNOWN_TASK, np.int16)), 1.5, 1.0
    )
    return CultureRecords(
        provenance=Provenance(number, rules.name_of(type(rule)), "{}", ("",) * AGENTS),
        proposals=replace(base, parents=parents),
        hashes=named.own,
        votes=votes,
        decision=rule(votes),
        method=[METHODS[int(pair.any())] for pair in parents],
        index=np.arange(size),
        seed=np.zeros(size, dtype=np.int64),
        held_out=np.zeros(size, dtype=np.bool_),
    )


def _votes(size, rng, failing):
    correct = np.ones((size, AGENTS, 2), dtype=np.bool_)
    rows = np.arange(REJECTED, size)
    first = rng.integers(AGENTS, size=len(rows))
    for k in range(failing):
        correct[rows, (first + k) % AGENTS, rng.integers(2, size=len(rows))] = False
    wrong = np.where(correct, 0, rng.integers(1, 12, size=correct.shape))
    return VoteTable(
        correct,
        wrong.astype(np.uint16),
        np.where(correct, -0.5, -9.0).astype(np.float32),
        rng.integers(AGENTS, size=size).astype(np.int16),
        np.ones((size, AGENTS), dtype=np.bool_),
        correct.all(axis=2).astype(np.float32),
    )


def _figures(number, size):
    counts = {
        "proposed": 20 * size + REJECTED,
        "trivial": 0,
        "duplicate": 0,
        "voted": size + REJECTED,
    }
    return {
        **counts,
        "round": number,
        "why": "the budget was spent",
        "kept": size,
        "yield": 0.05 / number,
        "by_reason": {"kept": size, "too easy: 5 solvers": REJECTED},
        "by_proposer": [{"agent": 0, **counts, "kept": size, "yield": 0.05}],
        "dissenters": [size // AGENTS] * AGENTS,
        "near_duplicates": 0.02 * number,
        "entropy": 1.5 - 0.05 * number,
    }


def make_answers(run, batch):
    """What stands for ``gallery.answers_now``: agent k alone errs on quiz k, forwards if k is even,
    in its first k % 7 + 1 cells; and so again after every five quizzes."""
    view = run.config.world.view
    given = {agent: np.stack([batch.tokens] * 2) for agent in run.agents}
    for row in range(len(batch)):
        start = view.pieces[3 - row % 2].start
        cells = slice(start, start + row % 7 + 1)
        tokens = given[row % AGENTS][row % 2, row]
        tokens[cells] = (tokens[cells] + 1) % len(view.palette)
    return given


def make_analysis(run, share=1.0):
    """An analysis of the first ``share`` of the kept quizzes."""
    store = CultureStore(run.path / "culture")
    kept = gallery.kept_table(store)
    kept = kept.slice(0, int(share * len(kept)))
    rows = np.arange(len(kept))
    kinds = [list(ExplainedBy)[k % len(ExplainedBy)] for k in rows]
    columns = {
        "group": ["kept"] * len(rows),
        "hash": kept["hash"].to_pylist(),
        "explained": [kind.value for kind in kinds],
        "tasks": [
            ["frame", "grow"][: 2 - (kind is ExplainedBy.TASK)] * (kind is not ExplainedBy.NONE)
            for kind in kinds
        ],
        "novelty_world": rows * 13 % 40,
        "novelty_culture": rows * 7 % 20,
        "rival_ratio": np.array(RATIOS)[rows % len(RATIOS)],
        "contested": np.array(RATIOS)[rows % len(RATIOS)] >= AS_LIKELY,
        "same_rival": np.array(SAME)[rows % len(SAME)],
        "other_by_rule": rows % len(RATIOS) == 0,
        "objects": 1 + rows % 5,
        "changed_cells": 10 + rows % 20,
    }
    table = pa.table(columns)
    write_table(store.folder / TABLE, table)
    return table


def made_page(path, rounds, size):
    run = make_run(path, rounds, size)
    make_analysis(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery, "answers_now", make_answers)
        return write_report(run)
