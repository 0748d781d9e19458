"""Muon: the update of torch.optim.Muon, orthogonal momenta, and a state that can be saved."""

import pytest
import torch
from torch import nn

from agents.config import ModelConfig, TrainConfig
from agents.model import build_model
from agents.muon import Muon, newton_schulz, orthogonal
from agents.optimizers import load_optimizer_tensors, make_optimizers, optimizer_tensors
from world.grids.world import GridsWorld

SHAPES = [(12, 12), (12, 48), (48, 12), (12, 12), (12, 48), (20, 8)]
BF16 = torch.bfloat16


def numbers(seed, shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def stepped(make, steps=3):
    """Matrices after a few steps, the same ones under the same gradients."""
    matrices = [nn.Parameter(matrix) for matrix in numbers(0, SHAPES)]
    optimizer = make(matrices)
    for step in range(steps):
        for matrix, gradient in zip(matrices, numbers(1 + step, SHAPES), strict=True):
            matrix.grad = gradient
        optimizer.step()
    return [matrix.detach() for matrix in matrices]


@pytest.mark.parametrize(("dtype", "far"), [(BF16, 0.02), (torch.float32, 0.05)])
def test_the_update_is_that_of_torch(dtype, far):
    """Up to the rounding of bf16, in which torch's is; both of the rates by shape are met."""
    ours = stepped(lambda matrices: Muon(matrices, lr=0.1, momentum=0.9, dtype=dtype))
    theirs = stepped(
        lambda matrices: torch.optim.Muon(matrices, lr=0.1, momentum=0.9, weight_decay=0.0)
    )
    for start, mine, other in zip(numbers(0, SHAPES), ours, theirs, strict=True):
        assert (mine - other).norm() < far * (other - start).norm()


def test_singular_values_come_near_one_and_vectors_stay():
    """Against the polar factor U V^T of a matrix whose singular values lie within 1 to 10."""
    u, _, vh = torch.linalg.svd(numbers(0, [(12, 48)])[0], full_matrices=False)
    s = torch.linspace(1.0, 10.0, 12)
    made = newton_schulz(((u * s) @ vh)[None])[0]
    assert torch.linalg.svdvals(made).min() > 0.65
    assert torch.linalg.svdvals(made).max() < 1.25
    # In the singular vectors' own terms nothing but a diagonal is left.
    turned = u.T @ made @ vh.T
    assert (turned - turned.diag().diag()).abs().max() < 1e-4
    assert (made - u @ vh).norm() < 0.25 * (u @ vh).norm()


def test_each_matrix_is_orthogonalised_by_itself():
    """Whatever is stacked with it, and in its own place, shape and format."""
    matrices = numbers(0, SHAPES)
    together = orthogonal(matrices, torch.float32)
    for matrix, made in zip(matrices, together, strict=True):
        assert made.shape == matrix.shape
        alone = orthogonal([matrix], torch.float32)[0]
        torch.testing.assert_close(made, alone, rtol=1e-3, atol=1e-4)
    assert all(made.dtype == torch.float32 for made in orthogonal(matrices, BF16))


def test_nothing_to_follow_is_nothing_to_do():
    """A zero gradient gives no NaN, and a matrix without a gradient keeps still."""
    still, moved = (nn.Parameter(matrix) for matrix in numbers(0, [(8, 8), (8, 8)]))
    before = still.detach().clone()
    moved.grad = torch.zeros_like(moved)
    optimizer = Muon([still, moved], lr=0.1, momentum=0.9)
    optimizer.step()
    assert still.equal(before)
    assert moved.isfinite().all()
    still.grad = None
    moved.grad = None
    optimizer.step()


def test_what_is_no_matrix_is_refused():
    with pytest.raises(ValueError, match=r"Muon is for matrices, got a parameter of shape \[3\]"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1, momentum=0.9)
    with pytest.raises(ValueError, match="no closure"):
        Muon([nn.Parameter(torch.zeros(3, 3))], lr=0.1, momentum=0.9).step(lambda: 0.0)


@pytest.mark.parametrize("dtype", [BF16, torch.float32])
def test_a_saved_optimizer_goes_on_bit_for_bit(dtype):
    world = GridsWorld(tasks=("frame",))
    size, config = ModelConfig(d_model=16, n_layers=1, n_heads=1, d_mlp=32), TrainConfig()
    model = build_model(size, world, seed=0)

    def step(optimizers, seed):
        parameters = list(model.parameters())
        gradients = numbers(seed, [p.shape for p in parameters])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        for optimizer in optimizers.values():
            optimizer.step()

    first = make_optimizers(model, config, dtype)
    step(first, 1)
    saved = {key: value.clone() for key, value in optimizer_tensors(first).items()}
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    assert "muon/0/momentum_buffer" in saved
    step(first, 2)
    expected = {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(weights)
    second = make_optimizers(model, config, dtype)
    load_optimizer_tensors(second, saved)
    step(second, 2)
    assert all(value.equal(expected[key]) for key, value in model.state_dict().items())
