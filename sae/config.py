"""How features are found and compared: typed options, shown on the command line as they are."""

from __future__ import annotations

from dataclasses import dataclass

from world.errors import AMOUNT, COUNT, POSITIVE, UserError, require

COUNTS = (
    "d_sae",
    "training_tokens",
    "passes",
    "block_quizzes",
    "batch_size",
    "dead_after",
    "seeds",
    "comparison_quizzes",
    "min_firings",
    "permutations",
    "resamples",
)
"""Options of which there must be at least one."""


@dataclass(frozen=True)
class SAEConfig:
    """Sparse autoencoders of every agent at one site, and their comparison."""

    site: str = "blocks.2.hook_resid_post"
    """Where activations are taken, by TransformerLens's name of the hook point."""
    d_sae: int = 512
    """Features of each SAE."""
    k: float = 12.0
    """Features active per token, on average, while training (BatchTopK)."""
    training_tokens: int = 880_000
    """Activations shown to each SAE in all, repeated passes counted."""
    passes: int = 6
    """Times each harvested activation is shown, in fresh order."""
    block_quizzes: int = 1024
    """Quizzes whose activations are in memory at once while training."""
    batch_size: int = 512
    """Activations in one optimiser step."""
    learning_rate: float = 5e-3
    """Adam's learning rate, after warm-up and before the linear decay to zero in the last fifth."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises linearly from zero."""
    dead_after: int = 64
    """Steps without firing after which a feature is helped by the auxiliary loss."""
    aux_coefficient: float = 1.0
    """Weight of the auxiliary loss, in which features that stopped firing fit what is left over."""
    seeds: int = 2
    """SAEs per agent; the second and later ones are the ceiling for every comparison, which 1 goes
    without."""
    comparison_quizzes: int = 1000
    """Held-out world quizzes on which features are compared; SAEs are graded on the first 400."""
    min_firings: int = 100
    """Features firing on fewer comparison tokens than this are not compared."""
    nulls: tuple[str, ...] = ("within_cell", "within_prediction", "within_task", "quizzes")
    """Registered nulls to report; the first is the one that universality is measured against."""
    permutations: int = 3
    """Permutations of each null for every pair of agents, at least 2."""
    resamples: int = 300
    """Bootstrap resamples of quizzes behind each 95 % interval."""

    def __post_init__(self) -> None:
        require(self, "sae", COUNT, *COUNTS)
        require(self, "sae", POSITIVE, "learning_rate")
        require(self, "sae", AMOUNT, "warmup_steps", "aux_coefficient")
        if self.permutations < 2:
            # Each permutation is held against the mean of the others.
            raise UserError(f"sae.permutations must be at least 2, got {self.permutations}")
        if not 0 < self.k <= self.d_sae:
            raise UserError(f"sae.k must be between 0 and d_sae ({self.d_sae}), got {self.k}")
        if self.k * self.batch_size < 1:
            raise UserError(
                f"sae.k ({self.k}) leaves a batch of {self.batch_size} no active feature; it must "
                f"be at least 1 / sae.batch_size"
            )
        if self.training_tokens < self.batch_size:
            raise UserError(
                f"sae.training_tokens ({self.training_tokens}) must be at least batch_size "
                f"({self.batch_size})"
            )
        if not self.nulls:
            raise UserError("sae.nulls is empty; name at least one null, such as within_cell")
        if len(set(self.nulls)) < len(self.nulls):
            raise UserError(f"sae.nulls names a null twice: {', '.join(self.nulls)}")
