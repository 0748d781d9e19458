"""Generation: the cache changes nothing, samples follow the softmax, rows do not meet."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from agents.attention import fused_attention, plain_attention
from agents.generation import generate
from agents.model import shift


@pytest.fixture(scope="module")
def tokens(quizzes):
    return torch.from_numpy(quizzes.tokens).long()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def free_at(world, *places):
    free = torch.zeros(world.seq_len, dtype=torch.bool)
    free[list(places)] = True
    return free


def uncached(model, tokens, free, allowed=None):
    """Greedy decoding by a whole forward pass for every token."""
    tokens = tokens.clone()
    for place in free.nonzero()[:, 0]:
        with torch.no_grad():
            logits = model(tokens)[:, place]
        if allowed is not None:
            logits[:, ~allowed[place]] = -torch.inf
        tokens[:, place] = logits.argmax(-1)
    return tokens


@pytest.mark.parametrize("cuts", [[12], [1] * 12, [5, 1, 1, 3, 2]])
def test_cached_logits_equal_uncached(trained, untrained, tokens, cuts):
    for model in (trained, untrained):
        cache = model.new_cache(len(tokens))
        with torch.no_grad():
            pieces = [model.extend(part, cache) for part in shift(tokens).split(cuts, dim=1)]
            torch.testing.assert_close(torch.cat(pieces, 1), model(tokens), atol=1e-5, rtol=0)
        assert cache.length == 12


@pytest.mark.parametrize("places", [range(7, 12), range(12), [0], [2, 3, 8, 11], []])
def test_greedy_equals_decoding_without_a_cache(trained, untrained, strings, tokens, places):
    free = free_at(strings, *places)
    for model in (trained, untrained):
        written = generate(model, tokens, free, temperature=0.0)
        assert torch.equal(written, uncached(model, tokens, free))
        assert torch.equal(written[:, ~free], tokens[:, ~free])


def test_generation_under_autocast(trained, strings, tokens):
    free = free_at(strings, *range(7, 12))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        written = generate(trained, tokens, free, temperature=0.0)
    same = (written == generate(trained, tokens, free, temperature=0.0)).float().mean()
    assert same > 0.95


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_samples_follow_the_softmax(trained, strings, tokens, temperature):
    place, draws = 3, 20_000
    prompt = tokens[:1].expand(draws, -1)
    written = generate(trained, prompt, free_at(strings, place), temperature, None, generator())
    with torch.no_grad():
        logits = trained(tokens[:1])[0, place].double()
    expected = torch.softmax(logits / temperature, -1) * draws
    counts = torch.bincount(written[:, place], minlength=9).double()
    order = expected.argsort(descending=True)
    common = int((expected > 5).sum()) - 1  # the rest are counted together
    observed = [*counts[order[:common]].tolist(), float(counts[order[common:]].sum())]
    wanted = [*expected[order[:common]].tolist(), float(expected[order[common:]].sum())]
    assert stats.chisquare(observed, wanted).pvalue > 0.01


def test_a_chain_of_samples_follows_the_product_of_softmaxes(trained, strings, tokens):
    draws = 20_000
    prompt = tokens[:1].expand(draws, -1)
    written = generate(trained, prompt, free_at(strings, 3, 4), 1.0, None, generator(1))
    pairs = torch.cartesian_prod(torch.arange(6), torch.arange(6))
    cases = tokens[:1].repeat(36, 1)
    cases[:, 3:5] = pairs
    with torch.no_grad():
        p = trained(cases).double().softmax(-1)
    row = torch.arange(36)
    expected = p[row, 3, pairs[:, 0]] * p[row, 4, pairs[:, 1]] * draws
    chosen = written[:, 3] * 6 + written[:, 4]
    counts = torch.bincount(chosen[(written[:, 3:5] < 6).all(1)], minlength=36).double()
    error = (counts - expected) / expected.clamp_min(1).sqrt()
    assert error.abs().max() < 4.5


def test_only_allowed_values_are_written(untrained, strings, tokens):
    allowed = torch.from_numpy(strings.allowed[2])
    free = torch.ones(strings.seq_len, dtype=torch.bool)
    written = generate(untrained, tokens, free, 5.0, allowed, generator())
    assert allowed[torch.arange(strings.seq_len), written].all()
    greedy = generate(untrained, tokens, free, 0.0, allowed)
    assert torch.equal(greedy, uncached(untrained, tokens, free, allowed))


def test_the_seed_decides_and_the_batch_size_does_not(trained, strings, tokens):
    free = free_at(strings, *range(7))
    first = generate(trained, tokens, free, 1.0, None, generator(3))
    assert torch.equal(first, generate(trained, tokens, free, 1.0, None, generator(3), 7))
    assert torch.equal(first[:40], generate(trained, tokens[:40], free, 1.0, None, generator(3)))
    assert not torch.equal(first, generate(trained, tokens, free, 1.0, None, generator(4)))


def test_a_row_does_not_see_its_neighbours(trained, strings, tokens):
    free = free_at(strings, *range(4, 12))
    other = tokens.clone()
    other[:60] = other[:60].flip(0)
    first = generate(trained, tokens, free, 1.0, None, generator(3))
    second = generate(trained, other, free, 1.0, None, generator(3))
    assert torch.equal(first[60:], second[60:])


def test_a_temperature_for_each_position(trained, strings, tokens):
    free = free_at(strings, *range(1, 6), *range(7, 12))
    temperature = torch.where(torch.arange(strings.seq_len) < 6, 1.5, 0.0)
    written = generate(trained, tokens, free, temperature, None, generator())
    answer = free_at(strings, *range(7, 12))
    assert torch.equal(written, generate(trained, written, answer, 0.0))
    assert not torch.equal(written[:, 1:6], tokens[:, 1:6])


def test_the_prompt_is_not_changed_and_the_mode_is_put_back(untrained, strings, tokens):
    before = tokens.clone()
    untrained.train()
    generate(untrained, tokens, free_at(strings, 1, 2), 1.0, None, generator())
    assert untrained.training
    untrained.eval()
    assert torch.equal(tokens, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": torch.zeros(2, 3, dtype=torch.int64)}, r"tokens must be int64 \[B, 12\]"),
        ({"free": torch.zeros(12)}, r"free must be bool \[12\]"),
        ({"generator": None}, "needs a generator"),
        ({"temperature": -1.0}, "negative"),
        ({"allowed": torch.ones(12, 3, dtype=torch.bool)}, r"allowed must be bool \[12, 9\]"),
        ({"allowed": torch.zeros(12, 9, dtype=torch.bool)}, "no value"),
    ],
)
def test_wrong_arguments_are_refused(untrained, strings, tokens, change, message):
    arguments = {
        "tokens": tokens,
        "free": free_at(strings, 4),
        "temperature": 1.0,
        "generator": generator(),
    }
    with pytest.raises(ValueError, match=message):
        generate(untrained, **(arguments | change))


@pytest.mark.parametrize(("start", "n", "room"), [(0, 5, 32), (0, 32, 32), (7, 1, 32), (7, 1, 8)])
def test_both_attentions_agree_and_do_not_see_the_room_of_a_cache(start, n, room):
    draws = torch.Generator().manual_seed(0)
    q = torch.randn(2, 2, n, 8, generator=draws)
    k, v = (torch.randn(2, 2, room, 8, generator=draws) for _ in range(2))
    plain = plain_attention(q, k, v, start, 0.0)
    torch.testing.assert_close(plain, fused_attention(q, k, v, start, 0.0))
    for beyond in (k, v):
        beyond[:, :, start + n :] = 100.0
    assert plain_attention(q, k, v, start, 0.0).equal(plain)
