"""What of the kept culture each agent is taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from culture_sim.store import CultureStore
from world import QuizBatch, concatenate


@dataclass(frozen=True)
class Lessons:
    """Culture to train on, and to be examined on.

    by_agent: for each of N agents, the quizzes it is taught. kept: how many quizzes there are to
    train on in all, which decides how much of the mix is culture, whoever is taught which.
    held_out: quizzes that no agent is taught.
    """

    by_agent: Sequence[QuizBatch]
    kept: int
    held_out: QuizBatch


def make_lessons(store: CultureStore, taught: str, n_agents: int) -> Lessons:
    """The lessons of all rounds stored, of which there must be one.

    taught: "all", "own" (what the agent itself proposed), "first" (round 1) or "none".
    """
    rounds = store.rounds()
    everything, held_out = store.kept("culture_train"), store.kept("culture_test")
    if everything is None or held_out is None:
        raise ValueError(f"no culture round is stored in {store.folder}")
    if taught == "own":
        parts = [_own(store, agent) for agent in range(n_agents)]
    else:
        wanted = {"all": rounds, "first": rounds[:1], "none": []}[taught]
        same = store.kept("culture_train", wanted)
        parts = [everything[:0] if same is None else same] * n_agents
    return Lessons(parts, len(everything), held_out)


def _own(store: CultureStore, agent: int) -> QuizBatch:
    return concatenate([store.proposed_by(agent, number) for number in store.rounds()])
