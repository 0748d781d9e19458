"""How quizzes are proposed, judged and mixed into training, as typed options."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from culture_sim.culture.proposers import proposers
from culture_sim.culture.rules import make_rule, rules
from world import Registry
from world.core.errors import AMOUNT, COUNT, POSITIVE, SHARE, UserError, require


@dataclass(frozen=True)
class CultureConfig:
    """One culture round."""

    rule: str = "four_of_five"
    """Registered consensus rule that decides which quizzes are kept."""
    rule_options: dict[str, float] = field(default_factory=dict)
    """Options of the rule by name, such as k 2 for all_but_k; the others have their defaults."""
    voters: int = 0
    """Agents drawn by chance to vote on each quiz; 0 asks all of them."""
    noise_rounds: int = 0
    """Times that the agents are asked again with noise in the prompt, for the probabilities that
    the rule likelihood looks at; 0 takes them from the clean prompt."""
    vote_noise: float = 0.05
    """Share of cells replaced at random in such a prompt."""
    proposers: tuple[str, ...] = ("hot_then_cold",)
    """Registered procedures by which agents propose quizzes; each agent's blocks take turns."""
    hot_temperature: float = 1.5
    """Temperature at which the first part of a proposal is sampled."""
    temperature: float = 1.0
    """Temperature of the parts after it; 0 takes the most probable value."""
    recycle_age: int = 2
    """Times that the procedure recycling tries to write another quiz to a rejected answer."""
    mutation_rate: float = 0.03
    """Chance of each cell of a quiz's question to be drawn anew by the procedure mutation."""
    block_size: int = 128
    """Quizzes that one agent proposes at a time; the agents take turns."""
    wave_blocks: int = 10
    """Blocks that are proposed, voted on and saved together, spread over the processes: a round
    ends with a whole wave, and an interruption loses at most one."""
    quota: int = 240
    """Kept quizzes after which a round ends, with the wave that brings them."""
    max_proposals: int = 24_000
    """Proposals after which a round ends whatever it kept."""
    restart_quota: int = 0
    """Kept quizzes, of all rounds together, at every multiple of which agents are deleted and
    learn again from new weights, from culture and world in shares of max_share; 0 for never."""
    science_quizzes: int = 600
    """Quizzes of tasks that no agent trains on, by which all are examined before and after a round;
    0 for none."""
    least_yield: float = 0.002
    """Share of proposals kept below which a round is said to starve."""
    taught: Literal["all", "own", "first", "none"] = "all"
    """Kept quizzes that an agent trains on: all, those it proposed itself, those of the first
    round, or none. As much of the mix is culture in any case but the last."""
    repeats: float = 1.0
    """Times that every kept quiz is seen in an epoch, on average, as far as max_share allows."""
    max_share: float = 0.5
    """Culture quizzes are at most this share of a training mix, 0 to 1."""

    def __post_init__(self) -> None:
        if not self.proposers:
            raise UserError("culture.proposers is empty; name at least one procedure")
        if len(set(self.proposers)) < len(self.proposers):
            named = ", ".join(self.proposers)
            raise UserError(f"culture.proposers names a procedure twice: {named}")
        _refuse_unknown("rule", [self.rule], rules)
        _refuse_unknown("proposers", self.proposers, proposers)
        make_rule(self.rule, self.rule_options)
        require(self, "culture", COUNT, "block_size", "wave_blocks", "quota", "max_proposals")
        require(self, "culture", AMOUNT, "hot_temperature", "temperature", "voters", "noise_rounds")
        require(self, "culture", AMOUNT, "recycle_age", "science_quizzes", "restart_quota")
        require(self, "culture", POSITIVE, "repeats")
        require(self, "culture", SHARE, "max_share", "least_yield", "vote_noise", "mutation_rate")


def _refuse_unknown(option: str, names: Iterable[str], registry: Registry[Any]) -> None:
    for name in names:
        if name not in registry:
            known = ", ".join(registry)
            raise UserError(f"unknown culture.{option} {name!r}; known: {known}")
