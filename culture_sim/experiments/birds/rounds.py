"""Rounds of culture of one population in one arm, and what its quizzes are made of.

Agents are looked at before the first round and after every one: what they then sample, unsifted,
is told with all that a round would drop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from culture_sim.culture.config import CultureConfig
from culture_sim.culture.records import array_of, quizzes_of
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.store import CultureStore
from culture_sim.experiments.birds.accuracy import accuracy_table
from culture_sim.experiments.birds.agent import AGAIN, CHECKPOINT, Agent
from culture_sim.experiments.birds.drift import rounds_table, sample, sampled_table
from culture_sim.experiments.runs import Treatment, hold_rounds, of_proposals, one_lesson, open_run
from culture_sim.experiments.units import Place, Unit
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from sae.files import read_parquet, write_parquet
from world import QuizBatch

DRIFT, ACCURACY, SAMPLED = "drift.parquet", "accuracy.parquet", "sampled-{}.parquet"
RUN = "run"


@dataclass(frozen=True)
class BirdsTreatment(Treatment):
    """sampled: quizzes of each agent that are looked at unsifted, before and after every round."""

    sampled: int


@dataclass(frozen=True, kw_only=True)
class Rounds(Unit):
    """One population in one arm. exam: quizzes of every exam at the end."""

    agents: tuple[Agent, ...]
    arm: str
    seed: int
    treatment: BirdsTreatment
    exam: int

    @property
    def name(self) -> str:
        return f"rounds/seed{self.seed}-{self.arm}"

    @property
    def config(self) -> RunConfig:
        """Options of its run. All arms propose from the same seeds, and every agent trains on
        exactly one lesson a round."""
        first, treatment = self.agents[0], self.treatment
        culture = CultureConfig(rule=AllButK(others=True), transfer_quizzes=0)
        train = replace(
            one_lesson(first.train, treatment.lesson),
            test_quizzes=self.exam,
            validation_quizzes=max(1, self.exam // 4),
            recombined_quizzes=0,
        )
        return replace(
            first.config,
            seed=self.seed,
            agents=len(self.agents),
            rounds=treatment.rounds,
            train=train,
            culture=of_proposals(culture, self.arm, treatment.proposals, treatment.share),
        )

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """The run; what it proposed and what its agents sampled; their accuracy at the end."""
        checkpoints = [place.of(agent) / CHECKPOINT for agent in self.agents]
        run = open_run(folder / RUN, self.config, checkpoints)
        for number in hold_rounds(run):
            path = folder / SAMPLED.format(number)
            # What agents sample is looked at before the next round trains them on.
            if not path.exists():
                write_parquet(path, self._sampled(run))
        world, store = self.agents[0].world, store_of(folder)
        parts = [rounds_table(store, world)]
        for number in range(self.treatment.rounds + 1):
            sampled = read_parquet(folder / SAMPLED.format(number), AGAIN)
            parts.append(sampled.assign(round=number))
        write_parquet(folder / DRIFT, pd.concat(parts, ignore_index=True))
        models = [run.load_agent(agent) for agent in run.agents]
        write_parquet(folder / ACCURACY, accuracy_table(models, world, self.exam, self.seed))
        stored = [store.path(number).relative_to(folder) for number in store.rounds()]
        return [DRIFT, ACCURACY, *map(str, stored)]

    def _sampled(self, run: Run) -> pd.DataFrame:
        models = [run.load_agent(agent) for agent in run.agents]
        world, proposer = self.agents[0].world, run.config.culture.proposers[0]
        quizzes = sample(models, world, proposer, self.treatment.sampled, self.seed)
        return sampled_table(quizzes, world)


def store_of(folder: Path) -> CultureStore:
    """The culture of the unit in a folder."""
    return CultureStore(folder / RUN / "culture")


def read_drift(place: Place, unit: Rounds) -> pd.DataFrame:
    """What a made unit proposed, kept, rejected and sampled, as ``drift.rounds_table``; the round
    of sampled quizzes is the last that their agents had been through."""
    return read_parquet(place.of(unit) / DRIFT, AGAIN)


def read_accuracy(place: Place, unit: Rounds) -> pd.DataFrame:
    """The accuracy of a made unit's agents at its end, as ``accuracy.accuracy_table``."""
    return read_parquet(place.of(unit) / ACCURACY, AGAIN)


def quizzes_kept(place: Place, unit: Rounds, number: int) -> tuple[QuizBatch, QuizBatch]:
    """The quizzes of a round that were kept, and those that were not, in layout 0."""
    table = store_of(place.of(unit)).table(number)
    quizzes, keep = quizzes_of(table), array_of(table, "keep")
    return quizzes[keep], quizzes[~keep]
