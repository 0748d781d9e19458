"""What the experiment as a whole comes to, by rules fixed beforehand: of each claim of the circuit
over all agents, and of what the ladder is built to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from culture_sim.experiments.findings import Answer, Verdict
from culture_sim.experiments.names.claims import ANSWERS, CLAIMS, FAILS, HOLDS, Claim
from culture_sim.experiments.names.heads import INDUCTION, INHIBITION
from culture_sim.experiments.names.ladder import MOVING, RUNGS
from culture_sim.experiments.names.results import Made

MOST, HALF = 0.9, 0.5
"""Shares of agents."""
ENOUGH = 3
"""Fewer agents decide nothing."""
DEEP = 3
"""Blocks that the circuit needs: heads that notice a repetition, that inhibit, that move."""
REPEATS = len(RUNGS) - 1
"""The rung with words said twice."""


def judge(agents: Sequence[Made]) -> list[Verdict]:
    """Of all claims."""
    return [
        *(_over_agents(claim, agents) for claim in CLAIMS),
        _one_layer_suffices(agents),
        _moving_asks_for_depth(agents),
        _inhibition_emerges(agents),
        _repeats_grow_induction(agents),
    ]


def _over_agents(claim: Claim, agents: Sequence[Made]) -> Verdict:
    counts = Counter(each.judged[claim.name].answer for each in agents if each.judged)
    decided = counts[HOLDS] + counts[FAILS]
    answer: Answer = "open"
    if decided >= ENOUGH:
        answer = _either(counts[HOLDS] >= MOST * decided, counts[FAILS] >= MOST * decided)
    return Verdict(
        f"({claim.name.split(',')[0]}) {claim.sentence}",
        f"{claim.rule}; so in {MOST:.0%} of the agents in which it is decided, {ENOUGH} at least",
        answer,
        ", ".join(f"{counts[each]} {each}" for each in ANSWERS),
    )


def _one_layer_suffices(agents: Sequence[Made]) -> Verdict:
    own = [each for each in agents if (each.agent.rung, each.layers) == (0, 1)]
    learned = _learned(own)
    answer: Answer = "open"
    if len(own) >= ENOUGH:
        answer = _either(learned == len(own), learned == 0)
    return Verdict(
        "One layer is enough for six names in one template.",
        f"every agent of rung 0 with one layer learns it; refuted where none does; of {ENOUGH} at "
        f"least",
        answer,
        f"{learned} of {len(own)} learn it",
    )


def _moving_asks_for_depth(agents: Sequence[Made]) -> Verdict:
    moving = [each for each in agents if each.agent.rung >= MOVING]
    shallow, deep = ([e for e in moving if (e.layers == 1) == one] for one in (True, False))
    answer: Answer = "open"
    if min(len(shallow), len(deep)) >= ENOUGH:
        none = _learned(shallow) == 0
        answer = _either(none and _learned(deep) >= HALF * len(deep), not none)
    return Verdict(
        f"Sentences that move (rungs from {MOVING} on) need more than one layer.",
        f"no agent with one layer learns them, and half of the deeper ones do; refuted where one "
        f"with one layer does; of {ENOUGH} each at least",
        answer,
        f"{_learned(shallow)} of {len(shallow)} with one layer, {_learned(deep)} of {len(deep)} "
        f"with more",
    )


def _inhibition_emerges(agents: Sequence[Made]) -> Verdict:
    own = [
        each
        for each in agents
        if each.agent.rung >= MOVING and each.layers >= DEEP and each.measured is not None
    ]
    having = sum(each.has(INHIBITION) for each in own)
    answer: Answer = "open"
    if len(own) >= ENOUGH:
        answer = _either(having >= HALF * len(own), having == 0)
    return Verdict(
        "Small agents that tell IO in sentences that move have S-inhibition heads, as GPT-2.",
        f"half of those that learned rungs from {MOVING} on with {DEEP} layers or more have one; "
        f"refuted where none has; of {ENOUGH} at least",
        answer,
        f"{having} of {len(own)}",
    )


def _repeats_grow_induction(agents: Sequence[Made]) -> Verdict:
    with_, without = (
        [e for e in agents if e.agent.rung == rung and e.layers > 1 and e.measured is not None]
        for rung in (REPEATS, REPEATS - 1)
    )
    more, less = (sum(each.has(INDUCTION) for each in own) for own in (with_, without))
    answer: Answer = "open"
    if min(len(with_), len(without)) >= ENOUGH:
        shares = more / len(with_), less / len(without)
        answer = _either(shares[0] >= shares[1] + HALF, shares[0] <= shares[1])
    return Verdict(
        "Words said twice in training make induction heads look from S2 to the word after S1.",
        f"of agents with two layers or more that learned, the share that has such heads is higher "
        f"on rung {REPEATS} than on rung {REPEATS - 1} by {HALF:.0%}; refuted where it is no "
        f"higher; of {ENOUGH} each at least",
        answer,
        f"{more} of {len(with_)}, and {less} of {len(without)}",
    )


def _learned(agents: Sequence[Made]) -> int:
    return sum(each.measured is not None for each in agents)


def _either(confirmed: bool, refuted: bool) -> Answer:
    if confirmed:
        return "confirmed"
    return "refuted" if refuted else "open"
