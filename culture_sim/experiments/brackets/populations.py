"""Culture as a treatment: rounds held by populations of which the rules are known.

A population is made of agents of one network that nest and agents that do not: which count, or
look at the first bracket. They disagree on unbalanced strings with equal counts that begin with an
opening bracket: which verdict wins the vote, and what do they then learn?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from culture_sim.culture.config import CultureConfig
from culture_sim.culture.records import array_of, quizzes_of
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.culture.store import CultureStore
from culture_sim.experiments.brackets.agent import AGAIN, CHECKPOINT, Agent
from culture_sim.experiments.brackets.exam import EQUAL as EXAM_EQUAL
from culture_sim.experiments.brackets.exam import Exam, undecided, verdict_logits
from culture_sim.experiments.brackets.rules import CLEAR
from culture_sim.experiments.runs import (
    Treatment,
    hold_rounds,
    of_proposals,
    one_lesson,
    open_run,
    told,
)
from culture_sim.experiments.units import Place, Unit
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from culture_sim.study.arms import CONTROL, FULL
from sae.artifacts import digest
from world.brackets import BracketsWorld
from world.brackets.nesting import BALANCED, EQUAL, kinds_of
from world.brackets.scratch import YES
from world.core.files import read_json

SIZE = 5
"""Agents in a population."""
ARMS = (CONTROL, "random_filter", FULL)
MARGIN = Likelihood(understood=0.8, failed=0.2, fewest=1, most=1)
"""Four agents must be sure of a verdict, in every direction, and the fifth of the other."""
LEANS = 0.8
"""Accuracy on undecided strings from which on an agent leans to nesting; as much below 1, to the
other rules. Clear agents are taken first, but may be too few."""
FILE = "rounds.json"


@dataclass(frozen=True, kw_only=True)
class Population(Unit):
    """One population in one arm, from one seed."""

    agents: tuple[Agent, ...]
    nesters: int
    arm: str
    seed: int
    treatment: Treatment
    exam: Exam

    @property
    def name(self) -> str:
        # Who is in it hangs on what agents there are: others make another population.
        members = digest([agent.name for agent in self.agents], size=3)
        return f"culture/nesters{self.nesters}-{self.arm}-seed{self.seed}-{members}"

    @property
    def config(self) -> RunConfig:
        """Options of its run. The world has no unbalanced strings with equal counts, so that only
        culture can teach any."""
        treatment, world = self.treatment, self.agents[0].world
        proposals = treatment.proposals
        base = CultureConfig(rule=MARGIN, transfer_quizzes=0)
        if self.arm == CONTROL:
            proposals = len(self.agents) * base.batch_size
            base = replace(base, shard_batches=len(self.agents))
        first = self.agents[0]
        return RunConfig(
            seed=self.seed,
            agents=len(self.agents),
            rounds=treatment.rounds,
            world=replace(world, equal_count_share=0.0),
            model=first.model,
            train=one_lesson(replace(first.train, weight_decay=0.0), treatment.lesson),
            culture=of_proposals(base, self.arm, proposals, treatment.share),
        )

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """The run, and what was kept and known after each of its rounds."""
        checkpoints = [place.of(agent) / CHECKPOINT for agent in self.agents]
        run = open_run(folder / "run", self.config, checkpoints)
        told(folder / FILE, AGAIN, hold_rounds(run), partial(self._after, run))
        return [FILE]

    def _after(self, run: Run, number: int) -> dict[str, Any]:
        """Round 0 is before any."""
        world, strings = self.agents[0].world, self.exam.parts[EXAM_EQUAL]
        said = [verdict_logits(run.load_agent(agent), world, strings) > 0 for agent in run.agents]
        late = undecided(strings)
        known = {
            "round": number,
            "accuracy": [float(1 - each.mean()) for each in said],
            "undecided": [float(1 - each[late].mean()) for each in said],
        }
        if number == 0:
            return known
        table = CultureStore(run.path / "culture").table(number)
        return {**known, **kept_figures(world, table)}


def kept_figures(world: BracketsWorld, table: pa.Table) -> dict[str, Any]:
    """What of a round was voted on and kept: counts of quizzes, of those with equal counts, of
    those of them that are unbalanced, of the undecided among these, and of right verdicts."""
    figures: dict[str, Any] = {}
    kept = array_of(table, "keep").astype(np.bool_)
    batch = quizzes_of(table)
    strings, said = world.strings(batch), world.codec.verdicts(batch) == YES
    kinds = kinds_of(strings)
    right = said == (kinds == BALANCED)
    groups = {
        "all": np.ones(len(kinds), dtype=np.bool_),
        "equal": np.isin(kinds, (BALANCED, *EQUAL)),
        "unbalanced_equal": np.isin(kinds, EQUAL),
        "undecided": undecided(strings),
    }
    for name, chosen in (("proposed", np.ones_like(kept)), ("kept", kept)):
        figures[name] = {
            group: {"quizzes": int((chosen & of).sum()), "right": int((chosen & of & right).sum())}
            for group, of in groups.items()
        }
    return figures


def chance_rates(directions: int, agents: int = SIZE) -> tuple[float, float]:
    """The share of quizzes kept if every agent were sure of verdicts at random: of any quiz, and of
    one whose verdict is its proposer's own, right in the first direction for certain."""
    right = 0.5**directions
    own = 2 * right
    others = agents - 1
    alone = others * right ** (others - 1) * (1 - right)
    return agents * right**others * (1 - right), own * alone + (1 - own) * right**others


def compose(
    nesting: Sequence[Agent], others: Sequence[Agent], nesters: int, seed: int
) -> tuple[Agent, ...] | None:
    """SIZE agents, so many of them nesting; other ones for other seeds, as far as there are more.
    None where there are too few."""
    rest = SIZE - nesters
    if len(nesting) < nesters or len(others) < rest:
        return None
    chosen = [*_from(nesting, nesters, seed), *_from(others, rest, seed)]
    return tuple(chosen)


def _from(agents: Sequence[Agent], count: int, seed: int) -> list[Agent]:
    return [agents[(seed * count + index) % len(agents)] for index in range(count)]


def pools(accuracies: Mapping[Agent, float]) -> tuple[list[Agent], list[Agent]]:
    """Agents that nest, or lean to it, and agents that do not, the clearest first.

    They are of one network: that for which the smaller of both pools is largest; of equals the one
    with more agents in both, so that where no network has both there are populations of one; then
    the shallower. accuracies: on undecided strings, of agents that vote both ways and have learned
    the task.
    """
    sides = {}
    for depth in sorted({agent.model.n_layers for agent in accuracies}):
        of = {a: value for a, value in accuracies.items() if a.model.n_layers == depth}
        nesting = [agent for agent, value in of.items() if value >= LEANS]
        others = [agent for agent, value in of.items() if value <= 1 - LEANS]
        # Sorting keeps the order of those that are clear, and of those that lean.
        nesting.sort(key=lambda agent: accuracies[agent] < CLEAR)
        others.sort(key=lambda agent: accuracies[agent] > 1 - CLEAR)
        sides[depth] = (nesting, others)
    sizes = {depth: [len(side) for side in of] for depth, of in sides.items()}
    best = max(
        sizes, key=lambda depth: (min(sizes[depth]), sum(sizes[depth]), -depth), default=None
    )
    return ([], []) if best is None else sides[best]


def read_population(place: Place, unit: Population) -> list[dict[str, Any]]:
    """By round, 0 first, what ``make`` measured."""
    rounds: list[dict[str, Any]] = read_json(place.of(unit) / FILE, AGAIN)["rounds"]
    return rounds


def accuracies(rounds: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """float64 [rounds + 1, SIZE]: on undecided strings."""
    return np.array([each["undecided"] for each in rounds])
