"""Training that has gone wrong for good stops within a piece, and healthy training does not."""

import math
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator

from agents.config import ModelConfig, TrainConfig
from agents.divergence import DivergenceError, raised_options
from agents.training import PIECE_STEPS, Learner, mixed_draw, part_weights
from world import Stream
from world.core.errors import UserError
from world.grids.world import GridsWorld

WORLD = GridsWorld(tasks=("frame", "detect", "contact"))
TINY = ModelConfig(d_model=16, n_layers=1, n_heads=1, d_mlp=16)
BATCH = 4
EPOCH = 100 * BATCH


def learner(**options):
    config = TrainConfig(epoch_quizzes=EPOCH, batch_size=BATCH, precision="fp32", **options)
    return Learner(TINY, config, WORLD, Stream(0, "", agent=1), Accelerator(cpu=True))


def epoch(learner, spoil=lambda step: None):
    """An epoch of training; ``spoil`` is called after every step."""
    steps = learner.train_epoch(mixed_draw(WORLD, learner.stream))
    for step, _ in enumerate(steps, 1):
        spoil(step)


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 1e38},
        {"adam_learning_rate": 1e38},
        {"optimizer": "adam", "learning_rate": 1e38},
        {"learning_rate": 1e38, "warmup_steps": 10_000},
        {"learning_rate": 1e38, "ema_decay": 0.0},
    ],
    ids=str,
)
def test_a_rate_beyond_all_numbers_stops_after_a_piece(options):
    agent = learner(**options)
    with pytest.raises(DivergenceError, match="is no finite number any more") as stopped:
        epoch(agent)
    assert agent.quizzes == PIECE_STEPS * BATCH
    assert stopped.value.quizzes < 20 * BATCH


@pytest.mark.parametrize(
    "options", [{"adam_learning_rate": 1e3}, {"optimizer": "adam", "learning_rate": 1e3}], ids=str
)
def test_a_loss_far_above_guessing_is_no_learning(options):
    with pytest.raises(DivergenceError, match=r"its loss rose to .*, where guessing has 2\.4"):
        epoch(learner(**options))


@pytest.mark.parametrize("step", [1, 63, 64, 65, 99, 100])
@pytest.mark.parametrize(("of", "value"), [("model", math.nan), ("averaged", math.inf)])
def test_numbers_that_appear_late_are_found_before_the_end_of_the_epoch(step, of, value):
    """Also those of the last step, which no loss has shown, and of the average alone."""
    agent = learner()

    def spoil(now):
        if now == step:
            with torch.no_grad():
                next(getattr(agent, of).parameters()).view(-1)[0] = value

    with pytest.raises(DivergenceError) as stopped:
        epoch(agent, spoil)
    shown = of == "model" and step < EPOCH // BATCH
    assert stopped.value.quizzes == (step * BATCH if shown else EPOCH)


def test_numbers_in_the_optimizer_are_found():
    agent = learner()

    def spoil(now):
        if now == EPOCH // BATCH:
            state = agent.optimizers["adamw"].state
            next(iter(state.values()))["exp_avg_sq"].fill_(math.nan)

    with pytest.raises(DivergenceError, match="its weights are no finite numbers"):
        epoch(agent, spoil)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"learning_rate": 0.1},
        {"adam_learning_rate": 0.1},
        {"optimizer": "adam", "learning_rate": 0.03},
        {"part_weighting": 4.0},
        {"warmup_steps": 0},
    ],
    ids=str,
)
def test_rates_that_are_merely_high_go_on(options):
    agent = learner(**options)
    epoch(agent)
    assert agent.quizzes == EPOCH


class Weighted(GridsWorld):
    """A world whose parts all weigh the same."""

    weight = 1.0

    @property
    def parts(self):
        return tuple(replace(part, weight=self.weight) for part in super().parts)


@pytest.mark.parametrize("weight", [0.5, 2.0])
@pytest.mark.parametrize("power", [1e3, 1e38, 1e308])
def test_weights_of_parts_that_are_no_numbers_are_refused(monkeypatch, weight, power):
    monkeypatch.setattr(Weighted, "weight", weight)
    with pytest.raises(UserError, match=r"train\.part_weighting .* too high.*lower it"):
        part_weights(Weighted(), power)
    assert part_weights(Weighted(), 2.0).max() == weight**2


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"learning_rate": 1e38}, ["--train.learning-rate (now 1e+38)"]),
        ({"adam_learning_rate": 5}, ["--train.adam-learning-rate (now 5)"]),
        (
            {"learning_rate": 1, "part_weighting": 9},
            ["--train.learning-rate (now 1)", "--train.part-weighting (now 9)"],
        ),
        (
            {"optimizer": "adam", "learning_rate": 1e-3, "adam_learning_rate": 5},
            ["--train.learning-rate (now 0.001)"],
        ),
        ({}, ["--train.learning-rate (now 0.008)", "--train.adam-learning-rate (now 0.003)"]),
    ],
)
def test_what_to_lower_is_what_was_raised(options, named):
    assert raised_options(TrainConfig(**options)) == named
