"""The ways of attending agree with each other, and with attention by hand."""

import pytest
import torch

from agents.attention import BLOCK, blockwise_attention, fused_attention, plain_attention
from agents.layers import Attention

LENGTHS = [1, 7, BLOCK, BLOCK + 1, 2 * BLOCK + 20]


@pytest.mark.parametrize(("start", "n"), [(0, 7), (0, 1), (4, 1), (4, 3)])
def test_the_two_ways_of_attending_agree(start, n):
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(2, 3, n, 8, generator=generator)
    k, v = torch.randn(2, 2, 3, start + n, 8, generator=generator)
    expected = plain_attention(q, k, v, start, dropout=0.0)
    torch.testing.assert_close(fused_attention(q, k, v, start, dropout=0.0), expected)
    by_hand = [
        torch.softmax(q[:, :, i : i + 1] @ k[:, :, : start + i + 1].mT, -1)
        @ v[:, :, : start + i + 1]
        for i in range(n)
    ]
    torch.testing.assert_close(torch.cat(by_hand, 2), expected)


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def plainly(qkv):
    """Attention of sequences [B, T, 3, H, d_head] by plain products."""
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    z = plain_attention(q * qkv.shape[-1] ** -0.5, k, v, 0, 0.0)
    return z.transpose(1, 2).flatten(2)


def with_gradient(attend, qkv):
    """What comes out, and the gradient of a sum of it with different weights."""
    qkv = qkv.detach().requires_grad_()
    z = attend(qkv)
    z.backward(numbers(*z.shape, seed=1).to(z.dtype))
    return z.detach(), qkv.grad


@pytest.mark.parametrize("length", LENGTHS)
def test_blocks_are_the_whole(length):
    """Fewer than a block, whole blocks, and a part of one; in both directions."""
    qkv = numbers(2, length, 3, 3, 8)
    for mine, expected in zip(
        with_gradient(blockwise_attention, qkv), with_gradient(plainly, qkv), strict=True
    ):
        torch.testing.assert_close(mine, expected)


def test_blocks_keep_the_working_precision():
    """In bf16, where every step rounds: as near to the exact result as plain products are."""
    qkv = numbers(2, 2 * BLOCK + 20, 3, 2, 16)
    exact = with_gradient(plainly, qkv)
    half = qkv.bfloat16()
    for mine, plain, true in zip(
        with_gradient(blockwise_attention, half), with_gradient(plainly, half), exact, strict=True
    ):
        assert mine.dtype == torch.bfloat16
        assert (mine - true).norm() < 1.5 * (plain - true).norm()


def test_what_comes_later_has_no_part():
    """Neither in values nor in gradients, across the border of blocks and within one."""
    for place in (5, BLOCK - 1, BLOCK, BLOCK + 5):
        qkv = numbers(1, 2 * BLOCK, 3, 1, 4).requires_grad_()
        z = blockwise_attention(qkv)
        (gradient,) = torch.autograd.grad(z[:, place].sum(), qkv)
        assert not gradient[:, place + 1 :].any()
        assert gradient[:, : place + 1, 2].all()


@pytest.mark.parametrize("half", [False, True])
def test_the_layer_is_the_same_with_a_hook_in_use(half):
    """Where one of its points is hooked it is computed step by step."""
    layer = Attention(16, 2, 0.0)
    x = numbers(2, BLOCK + 20, 16)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        blocks = layer(x)
        layer.hook_z.register_forward_hook(lambda *_: None)
        steps = layer(x)
    assert blocks.dtype == steps.dtype
    assert layer.hooked
    torch.testing.assert_close(blocks, steps)
