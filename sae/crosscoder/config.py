"""How a crosscoder is trained and read: typed options."""

from __future__ import annotations

from dataclasses import dataclass

from world.core.errors import AMOUNT, COUNT, FRACTION, POSITIVE, UserError, require

COUNTS = (
    "d_sae",
    "training_tokens",
    "epochs_per_buffer",
    "buffer_quizzes",
    "batch_size",
    "dead_after",
    "min_firings",
)
"""Options of which there must be at least one."""


@dataclass(frozen=True)
class CrosscoderConfig:
    """A crosscoder over all agents at one site, and what its features are called."""

    d_sae: int = 1024
    """Features, shared by all agents."""
    k: float = 40.0
    """Features active per token, on average, while training (BatchTopK). With as few as in
    an SAE of one agent, what is an agent's own is seldom strong enough to be among them."""
    training_tokens: int = 880_000
    """Tokens shown in all, each with every agent's activation, repeated passes counted."""
    epochs_per_buffer: int = 6
    """Times each harvested token is shown, in fresh order."""
    buffer_quizzes: int = 1024
    """Quizzes whose activations, of all agents, are in memory at once while training."""
    batch_size: int = 512
    """Tokens in one optimiser step."""
    learning_rate: float = 5e-3
    """Adam's learning rate, after warm-up and before the linear decay to zero in the last fifth."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises linearly from zero."""
    dead_after: int = 64
    """Steps without firing after which a feature is helped by the auxiliary loss."""
    aux_coefficient: float = 1.0
    """Weight of the auxiliary loss, in which features that stopped firing fit what is left over."""
    carried: float = 0.2
    """An agent carries a feature whose decoder is longer than this share of the longest one."""
    min_firings: int = 100
    """Features firing on fewer held-out tokens than this are not judged."""
    exclusive_error: float = 0.2
    """In an exclusive feature, latent scaling of every other agent's error is below this."""
    exclusive_reconstruction: float = 0.5
    """In an exclusive feature, latent scaling of every other reconstruction is below this."""

    def __post_init__(self) -> None:
        require(self, "crosscoder", COUNT, *COUNTS)
        require(self, "crosscoder", POSITIVE, "learning_rate")
        require(self, "crosscoder", AMOUNT, "warmup_steps", "aux_coefficient")
        require(self, "crosscoder", AMOUNT, "exclusive_error", "exclusive_reconstruction")
        require(self, "crosscoder", FRACTION, "carried")
        if not 0 < self.k <= self.d_sae:
            raise UserError(
                f"crosscoder.k must be between 0 and d_sae ({self.d_sae}), got {self.k}"
            )
        if self.k * self.batch_size < 1:
            raise UserError(
                f"crosscoder.k ({self.k}) leaves a batch of {self.batch_size} no active feature; "
                f"it must be at least 1 / crosscoder.batch_size"
            )
        if self.training_tokens < self.batch_size:
            raise UserError(
                f"crosscoder.training_tokens ({self.training_tokens}) must be at least "
                f"batch_size ({self.batch_size})"
            )
