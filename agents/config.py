"""What an agent is and how it learns, as typed options; the command line is made of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from world.core.errors import AMOUNT, COUNT, FRACTION, POSITIVE, SHARE, UserError, require
from world.core.registry import Registry
from world.core.world import World

if TYPE_CHECKING:
    from agents.model import AgentModel


class Architecture(ABC):
    """A kind of network: a frozen dataclass of the options that only this kind has.

    One architecture is one file in ``agents.architectures``.
    """

    @abstractmethod
    def __call__(self, config: ModelConfig, world: World) -> AgentModel:
        """The network, with initial weights from the global generator."""


architectures: Registry[type[Architecture]] = Registry(
    "architecture", "agents.architectures", Architecture
)


def _best_measured() -> Architecture:
    from agents.architectures.gpt import GPTArchitecture  # which needs ModelConfig itself

    return GPTArchitecture()


@dataclass(frozen=True)
class ModelConfig:
    """The size and kind of every agent's network."""

    architecture: Architecture = field(default_factory=_best_measured)
    """Kind of network: gpt (the best measured) or culture_gpt (the source's)."""
    d_model: int = 96
    """Width of the residual stream."""
    n_layers: int = 4
    """Number of blocks."""
    n_heads: int = 2
    """Attention heads per block; must divide d_model."""
    d_mlp: int = 384
    """Hidden width of each MLP; 0 for blocks of attention alone."""
    dropout: float = 0.0
    """Dropout rate while training, from 0 to below 1."""

    def __post_init__(self) -> None:
        require(self, "model", COUNT, "d_model", "n_layers", "n_heads")
        require(self, "model", AMOUNT, "d_mlp")
        require(self, "model", FRACTION, "dropout")
        if self.d_model % self.n_heads:
            raise UserError(
                f"model.d_model ({self.d_model}) must be a multiple of "
                f"model.n_heads ({self.n_heads})"
            )


@dataclass(frozen=True)
class TrainConfig:
    """How an agent learns, until it answers ``target`` of unseen quizzes exactly."""

    target: float = 0.95
    """Share of unseen quizzes that must be answered exactly, every token; 0 asks for nothing, so
    that training ends after one epoch."""
    test_quizzes: int = 2000
    """Unseen quizzes on which the target is decided and reported."""
    validation_quizzes: int = 500
    """Other unseen quizzes, evaluated every epoch; the test is taken once they reach the target."""
    recombined_quizzes: int = 240
    """Quizzes evaluated beside these that combine anew what the agent was trained on in its first
    epoch; where accuracy on them is much higher, it has learned by heart. 0 leaves them out."""
    epoch_quizzes: int = 4000
    """Quizzes between two evaluations (and checkpoints)."""
    max_quizzes: int = 400_000
    """Budget of one agent to reach the target, in quizzes; a culture round gives as many again."""
    batch_size: int = 16
    """Quizzes in one optimiser step."""
    optimizer: Literal["muon", "adam"] = "muon"
    """"muon": Muon for matrices with AdamW for the rest; "adam": Adam for everything."""
    learning_rate: float = 0.008
    """Learning rate: of Muon for "muon", of Adam for "adam"."""
    adam_learning_rate: float = 3e-3
    """Learning rate of embeddings, norms and output under "muon"."""
    cooling: float = 0.3
    """Error at the last evaluation, 0 to 1, below which the learning rates fall with its square
    root, to a quarter at the least; 0 keeps them constant."""
    momentum: float = 0.9
    """Muon's Nesterov momentum."""
    weight_decay: float = 0.0
    """Share of every weight that a step takes away, as a multiple of the learning rate, apart from
    the gradient: decoupled, as in AdamW, under either optimizer. Norms and biases keep theirs."""
    warmup_steps: int = 100
    """Steps over which the learning rates rise linearly from zero."""
    ema_decay: float = 0.995
    """Decay per step of the averaged weights, which are the ones evaluated; 0 turns it off."""
    writing_share: float = 0.3
    """Share of training quizzes written in the layout of proposals, where the world has one."""
    part_weighting: float = 1.0
    """How strongly parts count for more or less in the loss, as their world says: a part's weight
    is the world's to this power; 0 counts all alike that are not fixed by the layout."""
    error_weighting: float = 0.5
    """How strongly training turns to the tasks with most mistakes at the last evaluation: a task's
    weight is its error to this power, and a little; 0 draws all tasks alike."""
    prompt_noise: float = 0.0
    """Share of prompt tokens replaced at random while training, where the world has a prompt."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of matrix products; "auto": bf16 for those that are measured to be clearly faster in it."""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile for training; "auto": on a GPU (it loses time on a CPU)."""

    def __post_init__(self) -> None:
        counts = (
            "test_quizzes",
            "validation_quizzes",
            "epoch_quizzes",
            "max_quizzes",
            "batch_size",
        )
        require(self, "train", COUNT, *counts)
        require(self, "train", POSITIVE, "learning_rate", "adam_learning_rate")
        require(self, "train", AMOUNT, "warmup_steps", "part_weighting", "error_weighting")
        require(self, "train", AMOUNT, "recombined_quizzes", "weight_decay")
        require(self, "train", SHARE, "target", "prompt_noise", "cooling")
        require(self, "train", FRACTION, "ema_decay", "momentum", "writing_share")
        if self.epoch_quizzes % self.batch_size:
            raise UserError(
                f"train.epoch_quizzes ({self.epoch_quizzes}) must be a multiple of "
                f"train.batch_size ({self.batch_size})"
            )
