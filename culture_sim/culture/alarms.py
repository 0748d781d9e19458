"""What ought to be looked at after a culture round, in plain words.

Pure functions of the figures of all rounds so far; each gives one sentence, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Tree = dict[str, Any]
RISE = 2.0
"""Near-duplicates alarm when their share is so many times that of the first round ..."""
NEAR_SHARE = 0.1
"""... and at least this."""
FALL = 0.8
"""Entropy alarms when it is below this share of the first round's."""
FEW = 30
"""Entropy of fewer quizzes is low whatever they are."""
DISSENT_SHARE = 0.5
"""An agent that dissents on more than this share of the kept quizzes alarms ..."""
DISSENT_CHANCE = 0.001
"""... if that is less likely than this where all agents dissent alike."""


@dataclass(frozen=True)
class Limits:
    """What a round is held against.

    n_agents: of the population. target: accuracy that agents are to come back to, 0 for none.
    least_yield: share of proposals kept below which a round is said to starve.
    """

    n_agents: int
    target: float
    least_yield: float


def alarms(rounds: Sequence[Tree], agents: Sequence[Tree], limits: Limits) -> list[Tree]:
    """Every alarm of every round: ``round``, ``kind``, ``text``.

    rounds: the summaries of rounds, ascending. agents: with their ``course``.
    """
    raised = []
    for now in rounds:
        for kind, look in LOOKS.items():
            text = look(rounds[0], now, agents, limits)
            if text is not None:
                raised.append({"round": now["round"], "kind": kind, "text": text})
    return raised


def starvation(_: Tree, now: Tree, agents: Sequence[Tree], limits: Limits) -> str | None:
    """Hardly anything is kept."""
    share, least = now["yield"] or 0.0, limits.least_yield
    if share >= least or "imported" in now:  # what was proposed elsewhere is not known
        return None
    return (
        f"only {share:.2%} of the proposals were kept, below culture.least_yield ({least:.2%}): "
        f"agents agree on too much or too little to make culture"
    )


def collapse(first: Tree, now: Tree, _: Sequence[Tree], __: Limits) -> str | None:
    """The kept quizzes become alike."""
    signs = []
    near, before = now["near_duplicates"], first["near_duplicates"]
    if near is not None and near >= NEAR_SHARE and near > RISE * (before or 0.0):
        signs.append(f"{near:.0%} of the kept quizzes are near-duplicates of others")
    entropy, start = now["entropy"], first["entropy"]
    enough = min(now["kept"], first["kept"]) >= FEW
    if enough and entropy is not None and start is not None and entropy < FALL * start:
        signs.append(f"their entropy fell from {start:.2f} to {entropy:.2f} bits a token")
    return f"culture becomes alike: {' and '.join(signs)}" if signs else None


def one_dissenter(_: Tree, now: Tree, __: Sequence[Tree], limits: Limits) -> str | None:
    """It is always the same agent that fails."""
    from scipy.stats import binomtest  # slow to import, and seldom needed

    total = sum(now["dissenters"])
    if not total:
        return None
    most = max(now["dissenters"])
    chance = binomtest(most, total, 1 / limits.n_agents, alternative="greater").pvalue
    if most <= DISSENT_SHARE * total or chance * limits.n_agents > DISSENT_CHANCE:
        return None
    agent = now["dissenters"].index(most)
    return f"agent {agent} dissents on {most} of {total} kept quizzes: it may just be weak"


def target_lost(_: Tree, now: Tree, agents: Sequence[Tree], limits: Limits) -> str | None:
    """Agents ended the round below the target on the world."""
    below = [
        str(agent["agent"])
        for agent in agents
        for course in agent["course"]
        if course["round"] == now["round"] and not course["reached"]
    ]
    if not below or limits.target == 0:
        return None
    return (
        f"agents {', '.join(below)} did not come back to {limits.target:.0%} of the world's "
        f"quizzes; give them more with --train.max-quizzes, or less culture with "
        f"--culture.max-share"
    )


Look = Callable[[Tree, Tree, Sequence[Tree], Limits], str | None]
LOOKS: dict[str, Look] = {
    "starvation": starvation,
    "collapse": collapse,
    "one dissenter": one_dissenter,
    "target not reached again": target_lost,
}
"""What is looked at after every round."""
