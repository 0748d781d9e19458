"""A run whose first culture round is stored, with votes that are written here.

Agents small enough for a test agree on nothing; the store, the rule and the agents are real.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from accelerate import Accelerator

from culture_sim.culture.batches import RoundContext
from culture_sim.culture.figures import round_figures, summary_path
from culture_sim.culture.proposers import Proposals
from culture_sim.culture.records import CultureRecords, Provenance, to_table
from culture_sim.culture.rules.four_of_five import FourOfFive
from culture_sim.culture.shards import Shard
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import VoteTable
from culture_sim.run.run import Run
from tests.helpers import commands
from tests.helpers.storing import append
from world import UNKNOWN_TASK, Stream, concatenate
from world.core.files import write_json

AGENTS, EPOCH = 5, 128
SMALL = [
    "--world.tasks", "frame", "detect", "--world.held-out-tasks", "isometry",
    "--model.d-model", "32", "--model.d-mlp", "64", "--model.n-layers", "2",
    "--model.n-heads", "1",
    "--train.target", "0.0", "--train.precision", "fp32",
    "--train.test-quizzes", "20", "--train.validation-quizzes", "8",
    "--train.recombined-quizzes", "4",
    "--train.epoch-quizzes", str(EPOCH), "--train.max-quizzes", str(EPOCH),
]  # fmt: skip
TRAIN, TEST, SAE_SPLIT, EASY, HARD = 40, 6, 10, 3, 3
"""Quizzes of the round: kept ones by split of the world, then those that are not kept."""
HELD_OUT = TEST + SAE_SPLIT


def culture_sim(path, command, *options):
    """The command on the run at ``path``, one worker; returns the exit code."""
    place = ("--runs", str(path.parent), "--run", path.name, "--processes", "1")
    return commands.culture_sim(command, *place, *options).returncode


def store_round(run):
    """Round 1 as it would be left by a kill between its storing and the training on it."""
    config = replace(run.config, culture=replace(run.config.culture, transfer_quizzes=20))
    run = Run.start(run.path, config, run.preset)
    records = make_records(run)
    store = CultureStore(run.path / "culture")
    append(store, records)
    tally = np.zeros((AGENTS, 1, 5), dtype=np.int64)
    tally[:, 0, 0] = tally[:, 0, 3] = np.bincount(records.votes.proposer, minlength=AGENTS)
    kept = records.votes.proposer[records.decision.keep]
    tally[:, 0, 4] = np.bincount(kept, minlength=AGENTS)
    config = replace(run.config.culture, quota=1)
    models = [run.load_agent(agent) for agent in run.agents]
    accelerator = Accelerator(cpu=True)
    context = RoundContext(
        models,
        run.config.world,
        config,
        0,
        records.provenance,
        [records.proposals.quizzes] * AGENTS,
        accelerator,
    )
    figures = round_figures(context, [Shard(to_table(records), tally)], store, 1.0)
    write_json(summary_path(store, 1), figures)


def make_records(run):
    """World quizzes of all three splits as proposals, judged by the real rule."""
    world = run.config.world
    counts = {"train": TRAIN + EASY + HARD, "test": TEST, "sae": SAE_SPLIT}
    drawn = [world.draw(Stream(9, "proposed"), 0, n, split) for split, n in counts.items()]
    batch = concatenate(drawn)
    hashes, size = world.canonical_hash(batch), len(batch)
    assert len(np.unique(hashes)) == size
    votes = make_votes(size)
    checkpoints = tuple(run.checksums())
    return CultureRecords(
        provenance=Provenance(1, "four_of_five", "{}", checkpoints),
        proposals=Proposals.of(
            replace(batch, task=np.full(size, UNKNOWN_TASK, np.int16)), 1.5, 1.0
        ),
        hashes=hashes,
        votes=votes,
        decision=FourOfFive()(votes),
        method=["hot_then_cold"] * size,
        index=np.arange(size),
        seed=np.zeros(size, dtype=np.int64),
        held_out=world.split_of(batch) > 0,
    )


def make_votes(size):
    """The agents fail one quiz each in turn; a few quizzes at the start all solve, or none."""
    correct = np.ones((size, AGENTS, 2), dtype=np.bool_)
    rows = np.arange(EASY + HARD, size)
    correct[rows, (rows + 2) % AGENTS, rows % 2] = False
    correct[EASY : EASY + HARD] = False
    return VoteTable(
        correct,
        np.where(correct, 0, 7).astype(np.uint16),
        np.where(correct, -0.5, -9.0).astype(np.float32),
        (np.arange(size) % AGENTS).astype(np.int16),
        np.ones((size, AGENTS), dtype=np.bool_),
        correct.all(axis=2).astype(np.float32),
    )
