"""One row a quiz: everything that is said of it by itself.

The kept quizzes of every round, and beside them three references of the same size: quizzes of the
same rounds that were voted on and not kept, quizzes of the world, and quizzes of tasks that agents
never met. The last have one right answer, which agents seldom find: hard, and not under-specified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agents.model import AgentModel
from culture_sim.culture.analysis.nearness import nearest
from culture_sim.culture.analysis.rivals import rivals
from culture_sim.culture.records import quizzes_of, votes_of
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import VoteTable, vote
from world import (
    ExplainedBy,
    ExplainedWorld,
    Explanation,
    QuizBatch,
    QuizWorld,
    Stream,
    concatenate,
)
from world.core.world import TRAIN

TABLE, SUMMARY = "analysis.parquet", "analysis.json"
"""What is found out about quizzes, beside the rounds."""
GROUPS = ("kept", "rejected", "world", "transfer")
ROLES = {"transfer": "science"}
"""Under which other name a group draws its random numbers."""
KNOWN_WORLD = 20_000
"""World quizzes among which the nearest is sought."""
Progress = Callable[[str], None]


STORED = ("round", "split", "proposer", "dissenter", "method", "hot_temperature", "parents")
"""Columns taken from the store; quizzes of the world have none of them."""


def quiz_table(
    models: Sequence[AgentModel],
    world: QuizWorld,
    store: CultureStore,
    seed: int,
    most: int,
    progress: Progress = lambda _: None,
) -> pa.Table:
    """The quizzes of all rounds with what is found out about each, as documented in
    docs/culture.md; ``most`` of each group and round at most, drawn by chance."""
    known = world.draw(Stream(seed, "novelty"), 0, KNOWN_WORLD, "train")
    study = Study(models, world, seed, known)
    culture = known[:0]
    parts = []
    for number in store.rounds():
        table = store.table(number)
        culture = concatenate([culture, quizzes_of(table.filter(table["keep"]))])
        for group in GROUPS[:2]:
            chosen = _choose(table, group == "kept", seed, most)
            progress(f"round {number}, {group}: {len(chosen)} quizzes")
            batch, votes = quizzes_of(chosen), votes_of(chosen)
            found = study.describe(batch, votes, group, number, culture)
            for name in STORED:
                found = found.append_column(name, chosen[name])
            parts.append(found)
    size = max(1, sum(part["group"].to_pylist().count("kept") for part in parts))
    held_out = world.held_out_world() if isinstance(world, ExplainedWorld) else None
    for group, source in (("world", world), ("transfer", held_out)):
        if isinstance(source, QuizWorld):
            progress(f"{group}: {size} quizzes")
            drawn = source.draw(Stream(seed, "analysis"), 0, size, "test")
            votes = vote(models, world, drawn, np.full(size, -1, dtype=np.int16))
            parts.append(study.describe(drawn, votes, group, 0, culture))
    return pa.concat_tables(parts, promote_options="default")


@dataclass(frozen=True)
class Study:
    """What quizzes are held against: the agents as they are now, and world quizzes."""

    models: Sequence[AgentModel]
    world: QuizWorld
    seed: int
    known: QuizBatch

    def describe(
        self, batch: QuizBatch, votes: VoteTable, group: str, round_: int, culture: QuizBatch
    ) -> pa.Table:
        """A group of quizzes with its columns; culture: what was kept up to their round."""
        explained = _explained(self.world, batch)
        stream = Stream(self.seed, f"rivals-{ROLES.get(group, group)}", round=round_)
        found = rivals(self.models, self.world, batch, stream)
        columns: dict[str, Any] = {
            "group": [group] * len(batch),
            "hash": [f"{value:016x}" for value in self.world.canonical_hash(batch).tolist()],
            "explained": pa.array([each.kind.value for each in explained], pa.string()),
            "tasks": pa.array([list(each.tasks) for each in explained], pa.list_(pa.string())),
            "novelty_world": nearest(self.world, batch, self.known).distance,
            "novelty_culture": self._from_culture(batch, culture),
            **_difficulty(votes),
            "rival_ratio": found.ratio.max(axis=1, initial=0.0),
            "rivals": found.found.sum(axis=1),
            "contested": found.contested,
            "same_rival": found.same.max(axis=1, initial=0),
            "other_by_rule": found.by_rule,
            **self.world.describe(batch),
        }
        return pa.table(columns)

    def _from_culture(self, batch: QuizBatch, culture: QuizBatch) -> pa.Array:
        """Tokens to the nearest quiz of culture that is not the quiz itself; null for none."""
        own, others = self.world.canonical_hash(batch), self.world.canonical_hash(culture)
        found = nearest(self.world, batch, culture, own[:, None] == others).distance
        alone = (own[:, None] == others).all(axis=1)
        return pa.array(found, mask=alone)


def counts_of(world: QuizWorld) -> tuple[str, ...]:
    """What the world counts in every quiz, by name: columns of the table."""
    return tuple(world.describe(world.draw(Stream(0, "described"), 0, 0, TRAIN)))


def _explained(world: QuizWorld, batch: QuizBatch) -> list[Explanation]:
    """How the world's rules explain each quiz; by none where it has no rules to tell."""
    if isinstance(world, ExplainedWorld):
        return world.explain(batch)
    return [Explanation(ExplainedBy.NONE)] * len(batch)


def _choose(table: pa.Table, keep: bool, seed: int, most: int) -> pa.Table:
    """Rows that were kept or not: as many as were kept, and no more than ``most``."""
    found = table.filter(pc.equal(table["keep"], keep))
    size = min(most, len(found), int(pc.sum(table["keep"]).as_py() or 0))
    rng = Stream(seed, f"analysis-{keep}", round=_round_of(table)).generator()
    return found.take(np.sort(rng.permutation(len(found))[:size]))


def _round_of(table: pa.Table) -> int:
    return int(table["round"][0].as_py()) if len(table) else 0


def _difficulty(votes: VoteTable) -> dict[str, Any]:
    """Means over the agents that voted and both directions."""
    asked = votes.voted[:, :, None] & np.ones_like(votes.correct)
    count = np.maximum(asked.sum(axis=(1, 2)), 1)
    return {
        "solvers": votes.solves.sum(axis=1),
        "wrong_tokens": (votes.wrong_tokens * asked).sum(axis=(1, 2)) / count,
        "log_prob": (votes.log_prob * asked).sum(axis=(1, 2), dtype=np.float64) / count,
    }
