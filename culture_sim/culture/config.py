"""How quizzes are proposed, judged and mixed into training, as typed options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from culture_sim.culture.proposers import Proposer
from culture_sim.culture.proposers.hot_then_cold import HotThenCold
from culture_sim.culture.rules import Rule
from culture_sim.culture.rules.four_of_five import FourOfFive
from world.core.errors import AMOUNT, COUNT, POSITIVE, SHARE, UserError, require
from world.core.options import labels, require_different


@dataclass(frozen=True)
class CultureConfig:
    """One culture round."""

    rule: Rule = field(default_factory=FourOfFive)
    """Consensus rule that decides which quizzes are kept."""
    voters: int = 0
    """Agents drawn by chance to vote on each quiz; 0 asks all of them."""
    noise_rounds: int = 0
    """Times that the agents are asked again with noise in the prompt, for the probabilities that
    the rule likelihood looks at; 0 takes them from the clean prompt."""
    vote_noise: float = 0.05
    """Share of tokens replaced at random in such a prompt."""
    proposers: tuple[Proposer, ...] = (HotThenCold(),)
    """Methods by which agents propose quizzes; each agent's batches take turns."""
    batch_size: int = 128
    """Quizzes that one agent proposes at a time; the agents take turns."""
    shard_batches: int = 10
    """Batches that are proposed, voted on and saved together, spread over the processes: a round
    ends with a whole shard, and an interruption loses at most one."""
    quota: int = 240
    """Kept quizzes after which a round ends, with the shard that brings them."""
    max_proposals: int = 24_000
    """Proposals after which a round ends whatever it kept."""
    restart_quota: int = 0
    """Kept quizzes, of all rounds together, at every multiple of which agents are deleted and
    learn again from new weights, from culture and world in shares of max_share; 0 for never."""
    transfer_quizzes: int = 600
    """Quizzes of held-out tasks, which no agent trains on, by which all are examined before and
    after a round; 0 for none."""
    least_yield: float = 0.002
    """Share of proposals kept below which a round is said to starve."""
    trains_on: Literal["all", "own", "first", "none"] = "all"
    """Kept quizzes that an agent trains on: all, those it proposed itself, those of the first
    round, or none. As much of the mix is culture in any case but the last."""
    repeats: float = 1.0
    """Times that every kept quiz is seen in an epoch, on average, as far as max_share allows."""
    max_share: float = 0.5
    """Culture quizzes are at most this share of a training mix, 0 to 1."""

    def __post_init__(self) -> None:
        if not self.proposers:
            raise UserError("culture.proposers is empty; name at least one method")
        require_different("culture.proposers", self.proposers)
        require(self, "culture", COUNT, "batch_size", "shard_batches", "quota", "max_proposals")
        require(self, "culture", AMOUNT, "voters", "noise_rounds")
        require(self, "culture", AMOUNT, "transfer_quizzes", "restart_quota")
        require(self, "culture", POSITIVE, "repeats")
        require(self, "culture", SHARE, "max_share", "least_yield", "vote_noise")

    @property
    def methods(self) -> tuple[str, ...]:
        """What to call the proposers: see ``world.core.options.labels``."""
        return labels(self.proposers)
