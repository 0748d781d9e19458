"""Rounds of culture among agents that train on different cells: evidence, or errors, spread?

An agent proposes rows, all vote, and a row on which four of five agree is kept. Four that train on
a cell can so teach it to the fifth, which does not. But where nobody does, four that agree may be
wrong together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agents.checkpoint import read_state
from agents.model import AgentModel
from agents.scoring import score
from agents.training import Learner, with_culture
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.curriculum import make_curriculum
from culture_sim.culture.records import CULTURE_SPLITS, array_of, quizzes_of, votes_of
from culture_sim.culture.round import open_round
from culture_sim.culture.store import CultureStore
from culture_sim.experiment import hold_round
from culture_sim.experiments.aliases.agent import AGAIN, CHECKPOINT
from culture_sim.experiments.aliases.apart import (
    AGENTS,
    EXAM,
    NOBODY,
    POOLED,
    Allotment,
)
from culture_sim.experiments.aliases.member import Member, asked, learn
from culture_sim.experiments.runs import Treatment, copy_agent, of_proposals, one_lesson, told
from culture_sim.experiments.units import Place, Unit
from culture_sim.study.arms import CONTROL, FULL
from world import QuizBatch
from world.aliases.options import NUMBERS
from world.aliases.rows import ANSWER
from world.core.files import read_json

RANDOM = "random_filter"
ARMS = (CONTROL, RANDOM, FULL)
KNOWN = "some train on"
"""Kind of a row whose cell some agents train on; others are NOBODY, EXAM, or no row of numbers."""
NONE = "no row of numbers"
KINDS = (KNOWN, NOBODY, EXAM, NONE)
FILE = "rounds.json"


@dataclass(frozen=True, kw_only=True)
class Rounds(Unit):
    """One population in one arm. cells: of each kind that agents are asked."""

    members: tuple[Member, ...]
    arm: str
    seed: int
    treatment: Treatment
    cells: int

    @property
    def name(self) -> str:
        allotment = self.members[0].allotment
        shares = f"f{allotment.missing:g}-owners{allotment.owners}"
        return f"rounds/{shares}-seed{self.seed}-{self.arm}"

    @property
    def allotment(self) -> Allotment:
        """Of the population."""
        return self.members[0].allotment

    @property
    def culture(self) -> CultureConfig:
        """Options of its rounds: the rule is that four of five agree."""
        base = CultureConfig(transfer_quizzes=0)
        treatment = self.treatment
        return of_proposals(base, self.arm, treatment.proposals, treatment.share)

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """What was voted on and kept in each round, and what agents answered after it."""
        told(folder / FILE, AGAIN, self._hold(folder, place), partial(self._after, folder))
        store = _store(folder)
        return [FILE, *(str(store.path(n).relative_to(folder)) for n in store.rounds())]

    def _hold(self, folder: Path, place: Place) -> Iterator[int]:
        """As ``runs.hold_rounds``; not by a run, whose agents all learn from one world."""
        for member in self.members:
            path = _agent(folder, member.number)
            if not path.exists():
                copy_agent(place.of(member) / CHECKPOINT, path, {"round": 0})
        over = [int(_state(folder, number)["round"]) for number in range(AGENTS)]
        yield min(over)
        for number in range(min(over) + 1, self.treatment.rounds + 1):
            self._round(folder, number)
            yield number

    def _round(self, folder: Path, number: int) -> None:
        """A round, and the lesson of those agents that have not had it."""
        learners = [self._learner(folder, member) for member in self.members]
        store, culture, world = _store(folder), self.culture, self.allotment.world
        hold_round(
            open_round(
                [learner.averaged for learner in learners],
                world,
                culture,
                number=number,
                seed=self.seed,
                checkpoints=[str(_state(folder, n)["sha256"]) for n in range(AGENTS)],
                # Cells of the exam may be proposed, but are kept for no one to learn from.
                test_hashes=np.zeros(0, dtype=np.uint64),
                store=store,
                accelerator=learners[0].accelerator,
            )
        )
        curriculum = make_curriculum(store, world, culture.trains_on, AGENTS)
        for member, learner in zip(self.members, learners, strict=True):
            if _state(folder, member.number)["round"] >= number:
                continue
            own = self.allotment.draw(member.number, learner.stream)
            taught = curriculum.by_agent[member.number]
            draw = with_culture(own, learner.stream, taught, culture.max_share)
            learn(learner, draw, f"agent {member.number} of {self.name}")
            learner.save(_agent(folder, member.number), {"round": number})

    def _learner(self, folder: Path, member: Member) -> Learner:
        learner = member.learner(one_lesson(member.train, self.treatment.lesson))
        learner.load(_agent(folder, member.number))
        return learner

    def _after(self, folder: Path, number: int) -> dict[str, Any]:
        """Round 0 is before any."""
        models = [self._learner(folder, member).averaged for member in self.members]
        answers = [
            asked(model, self.allotment, agent, self.cells) for agent, model in enumerate(models)
        ]
        found: dict[str, Any] = {"round": number, "answers": answers}
        if number == 0:
            return found
        table = _store(folder).table(number)
        rows = rows_figures(self.allotment, table)
        return {**found, "rows": rows, "taken up": taken_up(self.allotment, table, models)}


def _store(folder: Path) -> CultureStore:
    return CultureStore(folder / "culture")


def _agent(folder: Path, number: int) -> Path:
    return folder / "agents" / str(number)


def _state(folder: Path, number: int) -> Mapping[str, Any]:
    return read_state(_agent(folder, number)) or {}


def judged(allotment: Allotment, batch: QuizBatch) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    """Of each of B rows its kind, one of KINDS, and whether its answer is right."""
    reading = allotment.world.read(batch)
    known = allotment.trained[POOLED][reading.x, reading.y]
    exam = allotment.world.material.splits[NUMBERS][reading.x, reading.y] > 0
    kind = np.select([reading.kind != NUMBERS, known, exam], [NONE, KNOWN, EXAM], NOBODY)
    return kind, np.asarray(batch.tokens[:, ANSWER] == reading.answer)


def rows_figures(allotment: Allotment, table: pa.Table) -> dict[str, Any]:
    """Of a round by kind of rows: those voted on and those kept, as counts of all and of right
    ones; and "independent", the share that four of five would keep if every agent agreed as often
    as it does, but whatever the others do; None where there is no such row."""
    kinds, right = judged(allotment, quizzes_of(table))
    kept, solved = array_of(table, "keep").astype(np.bool_), votes_of(table).solves
    figures = {}
    for kind in KINDS:
        of = kinds == kind
        figures[kind] = {
            "voted": [int(of.sum()), int((of & right).sum())],
            "kept": [int((of & kept).sum()), int((of & kept & right).sum())],
            "independent": independent(solved[of].mean(axis=0)) if of.any() else None,
        }
    return figures


def independent(rates: NDArray[np.float64]) -> float:
    """The chance that exactly one of N fails, where they pass by themselves at rates [N]."""
    others = [np.prod(np.delete(rates, n)) for n in range(len(rates))]
    return float(np.sum((1 - rates) * others))


def taken_up(
    allotment: Allotment, table: pa.Table, models: Sequence[AgentModel]
) -> dict[str, list[int]]:
    """Of rows that were kept for agents to learn from and agents that did not answer so when they
    voted: by whether the row is "right" or "wrong", how often they do now, of how many."""
    kept = table.filter(pc.field("keep") & (pc.field("split") == CULTURE_SPLITS[0]))
    batch, failed = quizzes_of(kept), ~votes_of(kept).solves
    _, right = judged(allotment, batch)
    found = {"right": [0, 0], "wrong": [0, 0]}
    if not len(batch):
        return found
    now = np.stack([score(model, allotment.world, batch, 1024).correct for model in models], axis=1)
    for name, of in (("right", right), ("wrong", ~right)):
        asked_of = failed & of[:, None]
        found[name] = [int((asked_of & now).sum()), int(asked_of.sum())]
    return found


def read_rounds(place: Place, unit: Rounds) -> list[dict[str, Any]]:
    """By round, 0 first, what a made unit told."""
    return list(read_json(place.of(unit) / FILE, AGAIN)["rounds"])
