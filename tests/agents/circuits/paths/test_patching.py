"""Path patching finds what was wired, nothing else, and is what three runs with hooks do."""

from __future__ import annotations

import pytest
import torch

from agents.circuits.paths import (
    EMBED,
    LOGITS,
    POS_EMBED,
    Network,
    Pair,
    Path,
    Prompts,
    Receiver,
    Sender,
    effect,
    head,
    mlp,
    patched_logits,
    patched_pattern,
    path_effect,
)
from tests.helpers.planted_circuits import (
    induction_case,
    induction_network,
    names_case,
    names_network,
    random_network,
)


@pytest.fixture(scope="module", params=["LN", None])
def random_pair(request):
    generator = torch.Generator().manual_seed(5)
    base, new = (Prompts(torch.randint(0, 11, (4, 9), generator=generator)) for _ in range(2))
    return Pair.of(random_network(request.param), base, new)


def last_logit(logits):
    return logits[:, -1, 3] - logits[:, -1, 4]


def of_names(flip, relay=False):
    case = names_case(flip)
    return Pair.of(names_network(relay), case.base, case.new), case.metric


INHIBITION = Path.of(
    Sender(EMBED),
    Receiver(head(0, 0), "q"),
    Receiver(head(1, 0), "v"),
    Receiver(head(2, 0), "q"),
    LOGITS,
)


def test_the_wired_path_carries_everything_and_its_neighbours_nothing():
    pair, metric = of_names("S2")
    whole = metric(pair.new.logits) - metric(pair.base.logits)
    torch.testing.assert_close(whole, torch.full((6,), -2.0))
    torch.testing.assert_close(effect(pair, INHIBITION, metric), whole)
    for hop, slots in ((0, "kv"), (1, "qk"), (2, "kv")):
        for slot in slots:
            hops = list(INHIBITION.hops)
            hops[hop] = (Receiver(hops[hop][0].part, slot),)
            other = Path(INHIBITION.senders, tuple(hops))
            assert effect(pair, other, metric).abs().max() < 1e-6, str(other)


def test_positions_decide():
    pair, metric = of_names("S2")
    for place, expected in (("S2", -2.0), ("N1", 0.0), ("END", 0.0)):
        path = Path.of(Sender(EMBED, (place,)), *INHIBITION.hops)
        torch.testing.assert_close(effect(pair, path, metric), torch.full((6,), expected))
        read_there = Path.of(
            Sender(EMBED), Receiver(head(0, 0), "q", (place,)), *INHIBITION.hops[1:]
        )
        torch.testing.assert_close(effect(pair, read_there, metric), torch.full((6,), expected))
    both = Path.of([Sender(EMBED, ("N1",)), Sender(EMBED, ("S2",))], *INHIBITION.hops)
    torch.testing.assert_close(effect(pair, both, metric), torch.full((6,), -2.0))


def test_prompts_need_not_be_aligned():
    """Prefixes of any length, others in the new prompts: values go from name to name."""
    case = induction_case(prefix=True)
    pair = Pair.of(induction_network(), case.base, case.new)
    assert (case.base.columns["END"] != case.new.columns["END"]).any()
    places = ("B", "C")
    path = Path.of(Sender(head(0, 0), places), Receiver(head(1, 0), "k", places), LOGITS)
    torch.testing.assert_close(effect(pair, path, case.metric), torch.full((6,), -2.0))
    for place in ("A", "D", "END"):
        elsewhere = Path.of(Sender(head(0, 0), (place,)), Receiver(head(1, 0), "k"), LOGITS)
        assert effect(pair, elsewhere, case.metric).abs().max() < 1e-6


def test_prompts_of_two_lengths_need_names():
    case = induction_case()
    shorter = Prompts(case.new.tokens[:, :10], case.new.columns)
    pair = Pair.of(induction_network(), case.base, shorter)
    with pytest.raises(ValueError, match="name the positions"):
        effect(pair, Path.of(Sender(EMBED), LOGITS), case.metric)
    named = Path.of(Sender(head(1, 0), ("END",)), LOGITS)
    torch.testing.assert_close(effect(pair, named, case.metric), torch.full((6,), -2.0))


def test_an_mlp_between_stands_still_or_computes_again():
    """In the relay the inhibition head reaches the mover by the MLP alone."""
    pair, metric = of_names("S2", relay=True)
    direct = Path.of(Sender(head(1, 0)), Receiver(head(2, 0), "q"), LOGITS)
    relayed = Path.of(
        Sender(head(1, 0)), Receiver(mlp(1), "mlp"), Receiver(head(2, 0), "q"), LOGITS
    )
    assert effect(pair, direct, metric).abs().max() < 1e-6
    for path, through in ((direct, True), (relayed, False)):
        expected = torch.full((6,), -2.0)
        torch.testing.assert_close(effect(pair, path, metric, through), expected)


def test_the_pattern_at_the_end_of_a_path_moves_where_it_should():
    pair, _ = of_names("S2")
    path = Path(INHIBITION.senders, INHIBITION.hops[:-1])
    row = torch.arange(6)
    columns = pair.base.prompts.columns
    before, after = pair.base.patterns[2][:, 0], patched_pattern(pair, path)
    assert (before[row, columns["END"], columns["N1"]] > 0.999).all()
    assert (after[row, columns["END"], columns["N2"]] > 0.999).all()
    with pytest.raises(ValueError, match="does not end at one head"):
        patched_pattern(pair, INHIBITION)
    with pytest.raises(ValueError, match="does not end at the logits"):
        effect(pair, path, lambda z: z[:, -1, 0])


@pytest.mark.parametrize("slot", ["q", "k", "v"])
@pytest.mark.parametrize("sender", [EMBED, head(0, 1), mlp(0), head(1, 1)])
def test_one_hop_is_what_hooks_do(random_pair, sender, slot):
    """Sender from the new run, all other heads and MLPs held, the receiver's slot recorded; then
    a run with that slot put in and everything but the receiver held."""
    pair, receiver = random_pair, head(2, 0)
    model, tokens = pair.network.model, pair.base.prompts.tokens
    site = f"blocks.2.attn.hook_{slot}"
    with torch.no_grad():
        held = holds(pair, {sender}, "base")
        _, cache = with_cache(model, tokens, [*held, *holds(pair, {sender}, "new", only=True)])
        recorded = cache[site][:, :, 0]
        put = (site, lambda x, hook: torch.cat([recorded[:, :, None], x[:, :, 1:]], 2))
        expected = model.run_with_hooks(tokens, fwd_hooks=[put, *holds(pair, {receiver}, "base")])
    path = Path.of(Sender(sender), Receiver(receiver, slot), LOGITS)
    found = patched_logits(pair, path)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert (found - pair.base.logits).abs().max() > 1e-3


def test_through_mlps_is_what_hooks_do(random_pair):
    """The same, only other heads held: MLPs of later layers compute again at both hops."""
    pair, sender, receiver = random_pair, head(0, 1), head(2, 0)
    model, tokens = pair.network.model, pair.base.prompts.tokens
    site = "blocks.2.attn.hook_k"
    mlps = {mlp(layer) for layer in range(3)}
    with torch.no_grad():
        held = holds(pair, {sender} | mlps, "base") + holds(pair, {sender}, "new", only=True)
        recorded = with_cache(model, tokens, held)[1][site][:, :, 0]
        put = (site, lambda x, hook: torch.cat([recorded[:, :, None], x[:, :, 1:]], 2))
        later = holds(pair, {receiver} | mlps, "base")
        expected = model.run_with_hooks(tokens, fwd_hooks=[put, *later])
    path = Path.of(Sender(sender), Receiver(receiver, "k"), LOGITS)
    found = patched_logits(pair, path, through_mlps=True)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert (found - patched_logits(pair, path)).abs().max() > 1e-3


def holds(pair, parts, which, only=False):
    """Hooks that hold every head and MLP but ``parts``, or only these, at the values of a run."""
    run = getattr(pair, which)
    model, hooks = pair.network.model, []
    _, cache = model.run_with_cache(run.prompts.tokens)
    for part in pair.network.parts:
        if (part in parts) != only:
            continue
        if part.kind == "head":
            z = cache["z", part.layer]
            hooks.append((f"blocks.{part.layer}.attn.hook_z", putting(z, part.index)))
        else:
            site = "hook_embed" if part == EMBED else f"blocks.{part.layer}.hook_mlp_out"
            if part != POS_EMBED:
                hooks.append((site, putting(cache[site])))
    return hooks


def putting(value, index=None):
    def hook(x, hook):
        x = x.clone()
        if index is None:
            return value.clone()
        x[:, :, index] = value[:, :, index]
        return x

    return hook


def with_cache(model, tokens, hooks):
    with model.hooks(fwd_hooks=hooks):
        return model.run_with_cache(tokens)


def test_groups_of_disjoint_paths_add(random_pair):
    """Into the logits without a norm effects are sums; with one, the sum of all is the new run."""
    pair = random_pair
    senders = [Sender(part) for part in pair.network.parts]
    together = effect(pair, Path.of(senders, LOGITS), last_logit)
    expected = last_logit(pair.new.logits) - last_logit(pair.base.logits)
    torch.testing.assert_close(together, expected, atol=1e-4, rtol=1e-4)
    if pair.network.model.cfg.normalization_type is None:
        single = sum(effect(pair, Path.of(sender, LOGITS), last_logit) for sender in senders)
        torch.testing.assert_close(single, expected, atol=1e-4, rtol=1e-4)


def test_a_receiver_before_its_sender_hears_nothing(random_pair):
    path = Path.of(Sender(mlp(1)), Receiver(head(1, 0), "q"), LOGITS)
    found = patched_logits(random_pair, path)
    torch.testing.assert_close(found, random_pair.base.logits, atol=1e-5, rtol=1e-5)
    assert path.edges[0].receiver == LOGITS


def test_one_call_does_both_runs():
    case = names_case("S2")
    found = path_effect(names_network(), case.base, case.new, INHIBITION, case.metric)
    torch.testing.assert_close(found, torch.full((6,), -2.0))
    network = Network(names_network())
    assert torch.equal(path_effect(network, case.base, case.new, INHIBITION, case.metric), found)
    assert str(INHIBITION) == "embed -> 0.0.q -> 1.0.v -> 2.0.q -> logits"
