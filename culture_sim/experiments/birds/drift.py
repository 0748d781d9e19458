"""What agents propose, round by round: birds, overlaps, and what is no bird at all.

Three tellings of one thing: the quizzes that were voted on in a round, those of them that the rule
kept or rejected, and quizzes sampled from the same agents and looked at unsifted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from agents.model import AgentModel
from culture_sim.culture.figures import read_summary
from culture_sim.culture.proposers import ParentPool, ProposalRequest, Proposer
from culture_sim.culture.records import array_of, quizzes_of
from culture_sim.culture.store import CultureStore
from culture_sim.experiments.findings import row, share
from world import QuizBatch, Stream, concatenate
from world.birds import BirdsWorld, Verdict
from world.birds.explain import FLOWN

PROPOSED, KEPT, REJECTED, SAMPLED = "proposed", "kept", "rejected", "sampled"
"""Of which quizzes something is told: those voted on in a round, of them those that the rule kept
and the others; and those sampled outside of any round, trivial ones and repeats among them."""
VERDICTS = {
    Verdict.RIGHT: "right",
    Verdict.AMBIGUOUS: "ambiguous",
    Verdict.WRONG: "wrong",
    Verdict.NO_BIRDS: "no birds",
}
SHARES = ("flies", *VERDICTS.values(), "illegal", "empty", "still")
"""Measures that are shares of all quizzes."""
OF_FLYING = ("more birds", "occluded")
"""Measures that are shares of the quizzes that fly."""
BIRDS, OCCLUDED = "birds", "occluded"
FATES = ("trivial", "duplicate", "kept")
"""Shares of all proposals of a round, from its figures."""


def frames_table(world: BirdsWorld, quizzes: QuizBatch) -> pd.DataFrame:
    """A row a quiz.

    birds: seen in both frames. hidden: cells of birds that others cover, strays: colours of a
    frame that are no bird, both summed over the frames. illegal, empty: some frame shows a stray,
    nothing. still: the frames are alike. verdict: a value of VERDICTS. flies: right or ambiguous.
    more birds: it flies with more birds than the world shows; occluded: it flies, and hides some
    cell of a bird.
    """
    first, last = world.readings(quizzes)
    frames = world.frames(quizzes)
    strays = np.sum([(r.cells > 0) & ~r.is_bird for r in (first, last)], axis=(0, 2))
    empty = (frames == 0).all(axis=2).any(axis=1)
    counts = world.describe(quizzes)
    # The verifier reads a quiz at a time; what shows no birds is known without.
    verdict = np.full(len(quizzes), VERDICTS[Verdict.NO_BIRDS], dtype=object)
    judged = np.flatnonzero((strays == 0) & ~empty)
    verdict[judged] = [VERDICTS[found] for found in world.verdicts(quizzes[judged])]
    flies = np.isin(verdict, [VERDICTS[found] for found in FLOWN])
    return pd.DataFrame(
        {
            "birds": counts["birds"],
            "hidden": counts["overlaps"],
            "strays": strays,
            "illegal": strays > 0,
            "empty": empty,
            "still": (frames[:, 0] == frames[:, 1]).all(axis=1),
            "verdict": verdict,
            "flies": flies,
            "more birds": flies & (counts["birds"] > world.birds),
            "occluded": flies & (counts["overlaps"] > 0),
        }
    )


def measures_of(frames: pd.DataFrame, quizzes: str) -> Iterator[dict[str, Any]]:
    """Every measure of the quizzes of ``frames_table``, as rows of results.

    quizzes: what they are called. Shares have a Wilson 95 % interval over quizzes, means none.
    Those of no quiz are left out. Of the quizzes that fly: birds, hidden (means), more birds,
    occluded (shares). Of all: the shares, and as means "birds of all", "hidden of all", strays.
    """
    flying = frames[frames["flies"]]
    shares = {name: frames["verdict"] == name for name in VERDICTS.values()}
    shares |= {name: frames[name] for name in SHARES if name not in shares}
    shares |= {name: flying[name] for name in OF_FLYING}
    means = {
        BIRDS: flying["birds"],
        "hidden": flying["hidden"],
        "birds of all": frames["birds"],
        "hidden of all": frames["hidden"],
        "strays": frames["strays"],
    }
    for name, hits in shares.items():
        if len(hits):
            yield share(name, int(hits.sum()), len(hits), quizzes=quizzes)
    for name, values in means.items():
        if len(values):
            yield row(name, float(values.mean()), support=len(values), quizzes=quizzes)


def rounds_table(store: CultureStore, world: BirdsWorld) -> pd.DataFrame:
    """A row for every round, kind of its quizzes (``quizzes``) and measure, as ``measures_of``.

    "trivial proposals", "duplicate proposals" and "kept proposals" are shares of all of a round.
    """
    rows: list[dict[str, Any]] = []
    for number in store.rounds():
        table = store.table(number)
        frames, keep = frames_table(world, quizzes_of(table)), array_of(table, "keep")
        for name, some in ((PROPOSED, frames), (KEPT, frames[keep]), (REJECTED, frames[~keep])):
            rows += ({"round": number, **each} for each in measures_of(some, name))
        figures = read_summary(store, number)
        for name in FATES:
            measure = f"{name} proposals"
            fate = share(measure, figures[name], figures["proposed"], quizzes=PROPOSED)
            rows.append({"round": number, **fate})
    return pd.DataFrame(rows)


def sample(
    models: Sequence[AgentModel], world: BirdsWorld, proposer: Proposer, count: int, seed: int
) -> QuizBatch:
    """``count`` quizzes of each agent, unsifted: nobody votes on them and none is dropped."""
    drawn = world.draw(Stream(seed, "birds-sampled-parents"), 0, count, "train")
    none = drawn[:0]
    parents = ParentPool(drawn, none, np.zeros(0, dtype=np.int16))
    return concatenate(
        [
            proposer(
                model,
                world,
                ProposalRequest(Stream(seed, "birds-sampled", agent).seed(), count, parents),
            ).quizzes
            for agent, model in enumerate(models)
        ]
    )


def sampled_table(quizzes: QuizBatch, world: BirdsWorld) -> pd.DataFrame:
    """As ``rounds_table``, of sampled quizzes, without a round."""
    return pd.DataFrame(measures_of(frames_table(world, quizzes), SAMPLED))
