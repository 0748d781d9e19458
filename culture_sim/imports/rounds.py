"""Imported culture as rounds of a run: decided elsewhere, with votes that are cast here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from accelerate import Accelerator

from agents.model import AgentModel
from culture_sim.culture.analysis.diversity import diversity
from culture_sim.culture.figures import summary_path
from culture_sim.culture.proposers import Proposals
from culture_sim.culture.records import (
    CULTURE_SPLITS,
    IMPORTED,
    UNKNOWN,
    CultureRecords,
    Provenance,
    to_table,
)
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import Decision, VoteTable, vote
from culture_sim.imports.culture import SiftedRound
from culture_sim.run.run import Run
from world import QuizBatch
from world.core.files import json_text, write_json
from world.core.options import to_tree

KEPT = "kept by the source"
RULE, NOISE_ROUNDS, NOISE = Likelihood(), 3, 0.05
"""How the source decided what to keep."""


def write_rounds(
    run: Run,
    rounds: Sequence[SiftedRound],
    origin: Mapping[str, str],
    models: Sequence[AgentModel],
    accelerator: Accelerator,
    report: Callable[[str], None],
) -> None:
    """Store every round, the quizzes of each with the votes of ``models``, the run's agents.

    origin: name and hash of the file that they are from.
    """
    world, store = run.config.quiz_world, CultureStore(run.path / "culture")
    checkpoints = tuple(run.checksums())
    earlier: list[QuizBatch] = []
    for number, sifted in enumerate(rounds, 1):
        began, size = time.monotonic(), len(sifted.quizzes)
        report(f"agents vote on {size:,} quizzes of round {number} of {len(rounds)}")
        with accelerator.autocast():
            votes = vote(models, world, sifted.quizzes, np.full(size, UNKNOWN, dtype=np.int16))
        records = _records(_provenance(number, checkpoints), sifted, votes)
        figures = {
            **_figures(number, sifted, records, origin),
            **diversity(world, sifted.quizzes, earlier),
            "seconds": round(time.monotonic() - began, 1),
            "shards": None,
            "checkpoints": list(checkpoints),
            "culture": {"rule": to_tree(RULE), "noise_rounds": NOISE_ROUNDS, "vote_noise": NOISE},
        }
        write_json(summary_path(store, number), figures)
        store.append(number, to_table(records))
        earlier.append(sifted.quizzes)


def _provenance(number: int, checkpoints: tuple[str, ...]) -> Provenance:
    options = to_tree(RULE)
    name = options.pop("name")
    return Provenance(number, name, json_text(options, sort_keys=True), checkpoints)


def _records(provenance: Provenance, sifted: SiftedRound, votes: VoteTable) -> CultureRecords:
    """The quizzes of a round; who proposed them, when and how is unknown."""
    size = len(votes)
    unknown = np.full(size, UNKNOWN, dtype=np.int64)
    failing = votes.voted & ~votes.solves
    alone = failing.sum(axis=1) == 1
    dissenter = np.where(alone, failing.argmax(axis=1), -1).astype(np.int16)
    return CultureRecords(
        provenance=provenance,
        proposals=Proposals.of(sifted.quizzes, age=unknown.astype(np.int16)),
        hashes=sifted.hashes,
        votes=votes,
        decision=Decision(np.ones(size, dtype=np.bool_), dissenter, [KEPT] * size),
        method=[IMPORTED] * size,
        index=unknown,
        seed=unknown,
        held_out=sifted.held_out,
    )


def _figures(
    number: int, sifted: SiftedRound, records: CultureRecords, origin: Mapping[str, str]
) -> dict[str, Any]:
    """Of a round's figures those that are known; what was proposed for it is not."""
    size, tests = len(records), int(sifted.held_out.sum())
    dissenters = records.decision.dissenter
    return {
        "round": number,
        "imported": dict(origin),
        "ended": None,
        "why": f"{size:,} quizzes that were kept elsewhere are imported; who proposed them, and "
        f"how many others, is not known",
        **dict.fromkeys(("proposed", "trivial", "duplicate", "voted", "yield")),
        "kept": size,
        **dict(zip(CULTURE_SPLITS, (size - tests, tests), strict=True)),
        "by_reason": {KEPT: size, **{f"not imported: {k}": n for k, n in sifted.dropped.items()}},
        "by_proposer": [],
        "by_method": [],
        "dissenters": np.bincount(
            dissenters[dissenters >= 0], minlength=records.votes.n_agents
        ).tolist(),
    }
