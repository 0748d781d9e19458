"""What of the kept culture each agent trains on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc

from culture_sim.culture.records import CULTURE_SPLITS, array_of, quizzes_of
from culture_sim.culture.store import CultureStore
from world import QuizBatch, concatenate
from world.core.quiz import QuizWorld


@dataclass(frozen=True)
class Curriculum:
    """Culture to train on, and to be examined on.

    by_agent: for each of N agents, the quizzes it trains on. kept: how many quizzes there are to
    train on in all, which decides how much of the mix is culture, whoever trains on which.
    held_out: quizzes that no agent trains on, each with a pair of no training quiz as its question.
    """

    by_agent: Sequence[QuizBatch]
    kept: int
    held_out: QuizBatch


def make_curriculum(
    store: CultureStore, world: QuizWorld, trains_on: str, n_agents: int
) -> Curriculum:
    """The curriculum of all rounds stored, of which there must be one.

    trains_on: "all", "own" (what the agent itself proposed), "first" (round 1) or "none".
    """
    rounds = store.rounds()
    everything, held_out = store.kept("culture_train"), store.kept("culture_test")
    if everything is None or held_out is None:
        raise ValueError(f"no culture round is stored in {store.folder}")
    if trains_on == "own":
        parts = _own(store, n_agents)
    else:
        wanted = {"all": rounds, "first": rounds[:1], "none": []}[trains_on]
        same = store.kept("culture_train", wanted)
        parts = [everything[:0] if same is None else same] * n_agents
    return Curriculum(parts, len(everything), held_out_asked(world, held_out))


def held_out_asked(world: QuizWorld, held_out: QuizBatch) -> QuizBatch:
    """Held-out quizzes in layout 0 that ask for a held-out unit.

    Agents do not know the splits: the other pair of such a quiz may be one to train on. Then it is
    the example. Where quizzes have no example, all of them ask for it.
    """
    asked = world.unit_split_of(held_out)[:, -1:] > 0
    if asked.all() or not world.example_parts:
        return held_out
    tokens = np.where(asked, held_out.tokens, world.exchanged(held_out).tokens)
    return replace(held_out, tokens=tokens)


def _own(store: CultureStore, n_agents: int) -> list[QuizBatch]:
    """For each agent, the kept quizzes to train on that it proposed, of all rounds."""
    wanted = pc.field("keep") & (pc.field("split") == CULTURE_SPLITS[0])
    tables = [store.table(number).filter(wanted) for number in store.rounds()]
    quizzes = concatenate([quizzes_of(table) for table in tables])
    proposer = np.concatenate([array_of(table, "proposer") for table in tables])
    return [quizzes[proposer == agent] for agent in range(n_agents)]
