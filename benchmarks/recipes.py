"""Ways to train an agent that are compared at one size of network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agents.config import ModelConfig, TrainConfig
from culture_sim.presets import presets

Recipe = Callable[[ModelConfig], tuple[ModelConfig, TrainConfig]]


def default(size: ModelConfig) -> tuple[ModelConfig, TrainConfig]:
    """The default network and training."""
    return size, presets["compact"]().train


def source(size: ModelConfig) -> tuple[ModelConfig, TrainConfig]:
    """F. Fleuret's network and training (2024) at another size, in float32 as published."""
    published, here = presets["fleuret"](), presets["compact"]().train
    model = replace(
        size, architecture=published.model.architecture, dropout=published.model.dropout
    )
    train = replace(
        published.train,
        precision="fp32",
        epoch_quizzes=here.epoch_quizzes,
        gate_quizzes=here.gate_quizzes,
        test_quizzes=here.test_quizzes,
    )
    return model, train


recipes: dict[str, Recipe] = {"default": default, "source": source}
