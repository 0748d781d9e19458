"""How quizzes are proposed, judged and mixed into training, as typed options."""

from __future__ import annotations

from dataclasses import dataclass, field

from culture_sim.consensus import make_rule, rules
from culture_sim.proposers import proposers
from world.errors import AMOUNT, COUNT, SHARE, UserError, require


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
    proposer: str = "hot_then_cold"
    """Registered procedure by which an agent proposes quizzes."""
    hot_temperature: float = 1.5
    """Temperature at which the first part of a proposal is sampled."""
    temperature: float = 1.0
    """Temperature of the parts after it; 0 takes the most probable value."""
    block_size: int = 128
    """Quizzes that one agent proposes at a time; the agents take turns."""
    wave_blocks: int = 10
    """Blocks that are proposed, voted on and saved together, spread over the processes: a round
    ends with a whole wave, and an interruption loses at most one."""
    quota: int = 240
    """Kept quizzes after which a round ends, with the wave that brings them."""
    max_proposals: int = 24_000
    """Proposals after which a round ends whatever it kept."""
    max_share: float = 0.5
    """Culture quizzes are at most this share of a training mix, 0 to 1."""

    def __post_init__(self) -> None:
        for option, registry in (("rule", rules), ("proposer", proposers)):
            name = getattr(self, option)
            if name not in registry:
                known = ", ".join(registry)
                raise UserError(f"unknown culture.{option} {name!r}; known: {known}")
        make_rule(self.rule, self.rule_options)
        require(self, "culture", COUNT, "block_size", "wave_blocks", "quota", "max_proposals")
        require(self, "culture", AMOUNT, "hot_temperature", "temperature", "voters", "noise_rounds")
        require(self, "culture", SHARE, "max_share", "vote_noise")
