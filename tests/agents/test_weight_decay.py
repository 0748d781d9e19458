"""Weight decay: that of AdamW and of torch's Muon on matrices, none on vectors, none by default."""

import pytest
import torch
from accelerate import Accelerator
from torch import nn, optim

from agents.config import ModelConfig, TrainConfig
from agents.muon import Muon
from agents.optimizers import decay_weights, make_optimizers, set_learning_rate
from agents.training import Learner, mixed_draw
from culture_sim.presets import presets
from world import Stream
from world.strings import StringsWorld

WORLD = StringsWorld()
TINY = ModelConfig(d_model=16, n_layers=1, n_heads=1, d_mlp=16)
SHAPES = [(6, 6), (6, 12), (12, 4)]
DECAY = 0.3


def numbers(seed, shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def stepped(make, shapes, decay=0.0, steps=3):
    """Parameters after a few steps, the same ones under the same gradients."""
    parameters = [nn.Parameter(values) for values in numbers(0, shapes)]
    optimizer = make(parameters)
    for step in range(steps):
        for parameter, gradient in zip(parameters, numbers(1 + step, shapes), strict=True):
            parameter.grad = gradient
        decay_weights({"any": optimizer}, decay)
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


def test_it_is_that_of_adamw():
    ours = stepped(lambda ps: optim.Adam(ps, lr=0.1), SHAPES, DECAY)
    theirs = stepped(lambda ps: optim.AdamW(ps, lr=0.1, weight_decay=DECAY), SHAPES)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)


def test_it_is_that_of_torchs_muon():
    def other(parameters, decay):
        return optim.Muon(parameters, lr=0.1, momentum=0.9, weight_decay=decay)

    ours = stepped(lambda ps: other(ps, 0.0), SHAPES, DECAY)
    theirs = stepped(lambda ps: other(ps, DECAY), SHAPES)
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its)
    decayed = stepped(lambda ps: Muon(ps, lr=0.1, momentum=0.9), SHAPES, DECAY)
    plain = stepped(lambda ps: Muon(ps, lr=0.1, momentum=0.9), SHAPES)
    for start, mine, its in zip(numbers(0, SHAPES), decayed, plain, strict=True):
        assert (mine - its + (1 - (1 - 0.1 * DECAY) ** 3) * start).norm() < 0.1 * start.norm()


def test_vectors_and_what_has_no_gradient_keep_theirs():
    matrix, vector, still = (nn.Parameter(torch.ones(shape)) for shape in [(2, 2), (2,), (3, 3)])
    matrix.grad, vector.grad = torch.zeros(2, 2), torch.zeros(2)
    decay_weights({"sgd": optim.SGD([matrix, vector, still], lr=0.5)}, DECAY)
    assert matrix.eq(1 - 0.5 * DECAY).all()
    assert vector.eq(1).all()
    assert still.eq(1).all()
    decay_weights({"sgd": optim.SGD([vector], lr=0.5)}, DECAY)
    assert vector.eq(1).all()


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_every_optimizer_decays_at_its_own_rate(optimizer):
    """Without gradients to follow, matrices shrink by the present rate times the decay."""
    config = TrainConfig(optimizer=optimizer, weight_decay=DECAY, warmup_steps=2)
    learner = Learner(TINY, config, WORLD, Stream(0, ""), Accelerator(cpu=True))
    set_learning_rate(learner.optimizers, config, step=0)
    before = {name: value.clone() for name, value in learner.model.state_dict().items()}
    for parameter in learner.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    decay_weights(learner.optimizers, config.weight_decay)
    for name, parameter in learner.model.named_parameters():
        under_muon = optimizer == "muon" and not name.startswith("blocks.")
        rate = config.adam_learning_rate if under_muon else config.learning_rate
        kept = 1 - rate / 2 * DECAY if parameter.ndim > 1 else 1.0
        torch.testing.assert_close(parameter.detach(), before[name] * kept)


def weights_after(weight_decay):
    config = TrainConfig(
        epoch_quizzes=64, batch_size=16, warmup_steps=1, precision="fp32", weight_decay=weight_decay
    )
    learner = Learner(TINY, config, WORLD, Stream(0, ""), Accelerator(cpu=True))
    list(learner.train_epoch(mixed_draw(WORLD, learner.stream)))
    return torch.cat([p.detach().flatten() for p in learner.model.parameters() if p.ndim > 1])


def test_training_decays_where_it_is_asked_to():
    assert weights_after(50.0).norm() < 0.7 * weights_after(0.0).norm()


def test_it_is_off_unless_asked_for():
    asking = {name for name in presets if presets[name]().train.weight_decay}
    assert asking == {"aliases", "aliases-source"}
    assert TrainConfig().weight_decay == 0.0
    matrix = nn.Parameter(torch.ones(2, 2))
    matrix.grad = torch.zeros(2, 2)
    decay_weights({"sgd": optim.SGD([matrix], lr=0.5)}, 0.0)
    assert matrix.eq(1).all()


def test_the_optimizers_themselves_decay_nothing():
    learner = Learner(TINY, TrainConfig(), WORLD, Stream(0, ""), Accelerator(cpu=True))
    for choice in ("muon", "adam"):
        config = TrainConfig(optimizer=choice, weight_decay=DECAY)
        for optimizer in make_optimizers(learner.model, config).values():
            assert all(not group.get("weight_decay") for group in optimizer.param_groups)
