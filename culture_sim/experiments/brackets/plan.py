"""What is made of the agents once it is known which rule each follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from culture_sim.experiments.brackets import Brackets
from culture_sim.experiments.brackets.agent import Agent, Made, read_agent
from culture_sim.experiments.brackets.exam import EQUAL, exam_of, undecided
from culture_sim.experiments.brackets.inside import Inside, sample_of
from culture_sim.experiments.brackets.populations import (
    ARMS,
    Population,
    compose,
    pools,
)
from culture_sim.experiments.brackets.probing import Probed
from culture_sim.experiments.brackets.rules import (
    UNLEARNED,
    VERDICTS,
    agreements,
    verdict_of,
)
from culture_sim.experiments.brackets.shared import NESTERS, Shared
from culture_sim.experiments.runs import Treatment
from culture_sim.experiments.units import Place, Unit
from world.brackets.nesting import Brackets as Strings


@dataclass(frozen=True)
class Judged:
    """An agent, what it left, and the rule that it follows: one of VERDICTS.

    said: bool [strings], of the exam's strings with equal counts, that it takes for balanced.
    agreement: by rule, with what the rule says of them.
    """

    agent: Agent
    made: Made
    rule: str
    said: NDArray[np.bool_]
    agreement: Mapping[str, float]

    @cached_property
    def accuracy(self) -> float:
        """On unbalanced strings with equal counts."""
        return float(1 - self.said.mean())

    @cached_property
    def accuracy_undecided(self) -> float:
        """On those of them that begin with an opening bracket."""
        return float(1 - self.said[undecided(self.strings)].mean())

    @property
    def strings(self) -> Strings:
        """uint8 [strings, length]: those with equal counts."""
        return self.agent.exam.parts[EQUAL]


def judged(place: Place, agents: Sequence[Agent]) -> list[Judged]:
    """Those of the agents, all made, that did not diverge."""
    found = [(agent, read_agent(place, agent)) for agent in agents]
    return [_judge(agent, made) for agent, made in found if made is not None]


def _judge(agent: Agent, made: Made) -> Judged:
    said = agent.exam.part(made.logits, EQUAL) > 0
    agreement = agreements(said, agent.exam.parts[EQUAL])
    return Judged(agent, made, verdict_of(agreement, made.accuracy), said, agreement)


def later_units(options: Brackets, place: Place) -> list[Unit]:
    """All that is made of the agents, long work first."""
    agents = judged(place, options.agents())
    units: list[Unit] = [*shared(options, agents), *populations(options, agents)]
    return [*units, *probed(options, agents), *insides(options, agents)]


def insides(options: Brackets, agents: Sequence[Judged]) -> list[Inside]:
    """A look inside every agent."""
    if not options.inside:
        return []
    return [
        Inside(agent=each.agent, sample=sample_of(options.length, options.inside))
        for each in agents
    ]


def probed(options: Brackets, agents: Sequence[Judged]) -> list[Probed]:
    """The first few agents of every rule, of those that read both ways."""
    if not options.inside:
        return []
    sample = sample_of(options.length, options.inside)
    chosen = [
        each
        for rule in VERDICTS
        for each in [a for a in agents if a.rule == rule and a.agent.world.backwards][
            : options.probed
        ]
        if rule != UNLEARNED
    ]
    return [Probed(agent=each.agent, sample=sample) for each in chosen]


def populations(options: Brackets, agents: Sequence[Judged]) -> list[Population]:
    """Populations of every composition that the agents allow, in every arm."""
    nesting, others = _pools(agents)
    treatment = Treatment(options.rounds, options.proposals, options.lesson, options.culture_share)
    found = []
    for seed in range(options.culture_seeds):
        for nesters in options.nesters:
            members = compose(nesting, others, nesters, seed)
            if members is None:
                continue
            found += [
                Population(
                    agents=members,
                    nesters=nesters,
                    arm=arm,
                    seed=seed,
                    treatment=treatment,
                    exam=exam_of(options.length, options.exam),
                )
                for arm in ARMS
            ]
    return found


def _pools(agents: Sequence[Judged]) -> tuple[list[Agent], list[Agent]]:
    """Agents that nest and agents that do not, all of which can vote both ways."""
    able = [each for each in agents if each.agent.world.backwards and each.rule != UNLEARNED]
    return pools({each.agent: each.accuracy_undecided for each in able})


def shared(options: Brackets, agents: Sequence[Judged]) -> list[Shared]:
    """Autoencoders on agents that nest and that do not, where there are enough of each."""
    members = compose(*_pools(agents), NESTERS, seed=0)
    if members is None or not options.sae_tokens:
        return []
    return [
        Shared(
            agents=members,
            nesters=NESTERS,
            tokens=options.sae_tokens,
            width=4 * options.width,
            quizzes=options.exam,
        )
    ]
