"""How features are found and compared: typed options, shown on the command line as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase

from sae.comparison.nulls import Null
from sae.comparison.nulls.quizzes import Quizzes
from sae.comparison.nulls.rotation import Rotation
from sae.comparison.nulls.within_cell import WithinCell
from sae.comparison.nulls.within_prediction import WithinPrediction
from sae.comparison.nulls.within_task import WithinTask
from sae.dictionaries.architectures import Architecture
from sae.dictionaries.architectures.of_sae_lens import BatchTopK
from world.core.errors import AMOUNT, COUNT, POSITIVE, UserError, require
from world.core.options import label, labels, require_different


@dataclass(frozen=True)
class TrainingOptions:
    """How an SAE is trained, whatever its site, architecture and width."""

    k: float = 12.0
    """Features active per token while training: on average (batch_topk, matryoshka), as a target
    (jumprelu) or exactly (topk, rounded)."""
    training_tokens: int = 880_000
    """Activations shown to each SAE in all, repeated passes counted."""
    epochs_per_buffer: int = 6
    """Times each harvested activation is shown, in fresh order."""
    buffer_quizzes: int = 1024
    """Quizzes whose activations are in memory at once while training."""
    batch_size: int = 512
    """Activations in one optimiser step."""
    learning_rate: float = 5e-3
    """Adam's learning rate, after warm-up and before the linear decay to zero in the last fifth."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises linearly from zero."""
    dead_after: int = 64
    """Steps without firing after which a feature is helped by the auxiliary loss."""

    def _check_training(self, narrowest: int) -> None:
        """narrowest: features of the SAE with the fewest."""
        counts = "training_tokens", "epochs_per_buffer", "buffer_quizzes", "batch_size"
        require(self, "sae", COUNT, *counts, "dead_after")
        require(self, "sae", POSITIVE, "learning_rate")
        require(self, "sae", AMOUNT, "warmup_steps")
        if narrowest < 1:
            raise UserError(f"sae.widths must be at least 1, got {narrowest}")
        if not 0 < self.k <= narrowest:
            raise UserError(
                f"sae.k must be between 0 and the least of sae.widths ({narrowest}), got {self.k}"
            )
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


@dataclass(frozen=True)
class DictionaryConfig(TrainingOptions):
    """One dictionary: all that the weights of an SAE depend on, but its agent and seed."""

    site: str = "blocks.2.hook_resid_post"
    """Where activations are taken, by TransformerLens's name of the hook point."""
    architecture: Architecture = field(default_factory=BatchTopK)
    """SAE architecture."""
    d_sae: int = 512
    """Its features."""

    def __post_init__(self) -> None:
        self._check_training(self.d_sae)

    @property
    def name(self) -> str:
        """Architecture, its options but for those left as they are, and width: name of folders."""
        return f"{label(self.architecture)}-{self.d_sae}"


@dataclass(frozen=True)
class ComparisonConfig:
    """How the features of trained SAEs are compared."""

    min_firings: int = 50
    """Features firing on fewer tokens than this in either split of the comparison quizzes are not
    compared."""
    nulls: tuple[Null, ...] = (
        WithinCell(),
        WithinPrediction(),
        WithinTask(),
        Quizzes(),
        Rotation(),
    )
    """Nulls to report; the first is the one that universality is measured against."""
    baselines: tuple[str, ...] = ("untrained", "frozen_decoder", "neurons", "pca")
    """Registered baselines: what agents share by other means than the features of their SAEs."""
    permutations: int = 3
    """Draws of each null."""
    concept_quizzes: int = 1000
    """Of the comparison quizzes, those on which features are scored against what is known of
    every token, and named."""
    resamples: int = 300
    """Bootstrap resamples of quizzes behind each 95 % interval."""

    def __post_init__(self) -> None:
        require(self, "sae", COUNT, "min_firings", "permutations", "concept_quizzes", "resamples")
        _check_some("nulls", self.nulls)
        require_different("sae.nulls", self.nulls)
        _check_names("baselines", self.baselines)

    @property
    def null_names(self) -> tuple[str, ...]:
        """What to call the nulls: see ``world.core.options.labels``."""
        return labels(self.nulls)


@dataclass(frozen=True)
class Sweep:
    """Which dictionaries there are: every combination of these."""

    sites: tuple[str, ...] = ("blocks.2.hook_resid_post",)
    """Where activations are taken, by TransformerLens's names of hook points; a pattern such as
    "blocks.*.hook_resid_post" stands for all sites that fit it, "*" for every site. At
    "attn.hook_q", "hook_k", "hook_v" and "hook_z" the vectors of all heads are taken as one."""
    architectures: tuple[Architecture, ...] = (BatchTopK(),)
    """SAE architectures, such as sae_lens's batch_topk, gated, jumprelu, matryoshka, standard,
    topk."""
    widths: tuple[int, ...] = (512,)
    """Features of each SAE."""
    seeds: int = 2
    """SAEs per agent; the second and later ones are the ceiling for every comparison, which 1 goes
    without."""
    comparison_quizzes: int = 2000
    """Held-out world quizzes on which features are compared; SAEs are graded on the first 400."""


@dataclass(frozen=True)
class SAEConfig(ComparisonConfig, TrainingOptions, Sweep):
    """Sparse autoencoders of every agent, and their comparison, for each site, architecture and
    width."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self, "sae", COUNT, "seeds", "comparison_quizzes")
        for name in ("sites", "widths"):
            _check_some(name, getattr(self, name))
            _check_names(name, getattr(self, name))
        _check_some("architectures", self.architectures)
        require_different("sae.architectures", self.architectures)
        self._check_training(min(self.widths))

    def dictionaries(self, known: Sequence[str]) -> list[DictionaryConfig]:
        """One for each site, architecture and width, in the order of ``known``.

        known: the sites that agents have. Raises UserError for a name or pattern that fits none.
        """
        for pattern in self.sites:
            if not any(fnmatchcase(site, pattern) for site in known):
                raise UserError(
                    f"agents have no site {pattern!r} with a vector a token that depends on the "
                    f"quiz; choose sae.sites among: {', '.join(known)}"
                )
        training = {option.name: getattr(self, option.name) for option in fields(TrainingOptions)}
        return [
            DictionaryConfig(**training, site=site, architecture=architecture, d_sae=width)
            for site in known
            if any(fnmatchcase(site, pattern) for pattern in self.sites)
            for architecture in self.architectures
            for width in self.widths
        ]


def _check_some(name: str, values: Sequence[object]) -> None:
    if not values:
        raise UserError(f"sae.{name} is empty; name at least one")


def _check_names(name: str, values: Sequence[object]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise UserError(f"sae.{name} names {value} twice")
