"""Edges patched with all that follows computing again, against design and TransformerLens."""

from __future__ import annotations

import warnings

import pytest
import torch
from transformer_lens import patching
from transformer_lens.tools.analysis.direct_path_patching import get_act_patch_direct_path

from agents.circuits.paths import (
    EMBED,
    LOGITS,
    Edge,
    Pair,
    Prompts,
    Receiver,
    Sender,
    all_edges,
    edge_effect,
    edge_effects,
    head,
    mlp,
    patch_edges,
)
from tests.helpers.planted_circuits import (
    induction_case,
    induction_network,
    names_case,
    names_network,
    random_network,
)


def edge(sender, receiver, slot):
    return Edge(Sender(sender), LOGITS if receiver is None else Receiver(receiver, slot))


DUPLICATE, INHIBITION, MOVER = head(0, 0), head(1, 0), head(2, 0)
TO_QUERY = {edge(DUPLICATE, INHIBITION, "v"), edge(INHIBITION, MOVER, "q")}
SECOND_NAME = {edge(EMBED, DUPLICATE, "q"), *TO_QUERY, edge(MOVER, None, "logits")}
ORDER = {edge(EMBED, DUPLICATE, "k"), *TO_QUERY, edge(EMBED, MOVER, "v")}
RELAYED = {
    *(SECOND_NAME - {edge(INHIBITION, MOVER, "q")}),
    edge(INHIBITION, mlp(1), "mlp"),
    edge(mlp(1), MOVER, "q"),
}
INDUCTION = {
    edge(EMBED, head(0, 0), "v"),
    edge(head(0, 0), head(1, 0), "k"),
    edge(head(1, 0), None, "logits"),
}
PLANTED = {
    "induction": (induction_network, induction_case, INDUCTION),
    "S2": (names_network, lambda: names_case("S2"), SECOND_NAME),
    "order": (names_network, lambda: names_case("order"), ORDER),
    "relay": (lambda: names_network(relay=True), lambda: names_case("S2"), RELAYED),
}


@pytest.mark.parametrize("name", PLANTED)
def test_exactly_the_wired_edges_matter(name):
    """Each by itself turns the answer over; every other edge moves it by less than 1e-6."""
    make, case, wired = PLANTED[name]
    pair = Pair.of(make(), case().base, case().new)
    for one, found in edge_effects(pair, all_edges(pair.network), case().metric).items():
        expected = torch.full((6,), -2.0 if one in wired else 0.0)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0, msg=f"{one}: {found}")


@pytest.fixture(scope="module", params=["LN", "LNPre", None])
def pair(request):
    generator = torch.Generator().manual_seed(6)
    base, new = (Prompts(torch.randint(0, 11, (4, 9), generator=generator)) for _ in range(2))
    return Pair.of(random_network(request.param), base, new)


def last_logit(logits):
    return logits[:, -1, 3] - logits[:, -1, 4]


def test_every_edge_patched_is_the_other_run(pair):
    edges = dict.fromkeys(all_edges(pair.network), pair.new)
    logits = patch_edges(pair.network, pair.base.prompts, edges)
    torch.testing.assert_close(logits, pair.new.logits, atol=1e-4, rtol=1e-4)
    unchanged = patch_edges(pair.network, pair.base.prompts, {})
    assert torch.equal(unchanged, pair.base.logits)
    own = patch_edges(pair.network, pair.base.prompts, dict.fromkeys(edges, pair.base))
    torch.testing.assert_close(own, pair.base.logits, atol=1e-4, rtol=1e-4)


def test_the_edges_of_the_embeddings_are_the_whole_change(pair):
    """What the prompts differ in enters by the tokens alone."""
    edges = [edge for edge in all_edges(pair.network) if edge.sender.part == EMBED]
    expected = last_logit(pair.new.logits) - last_logit(pair.base.logits)
    torch.testing.assert_close(edge_effect(pair, edges, last_logit), expected, atol=1e-4, rtol=1e-4)


def test_all_edges_of_a_head_are_activation_patching_of_transformer_lens(pair):
    model, tokens = pair.network.model, pair.base.prompts.tokens
    _, new_cache = model.run_with_cache(pair.new.prompts.tokens)
    found = patching.get_act_patch_attn_head_out_all_pos(
        model, tokens, new_cache, lambda z: last_logit(z).mean()
    )
    for layer in range(3):
        for index in range(2):
            sender = head(layer, index)
            edges = [edge for edge in all_edges(pair.network) if edge.sender.part == sender]
            effect = edge_effect(pair, edges, last_logit) + last_logit(pair.base.logits)
            torch.testing.assert_close(effect.mean(), found[layer, index], atol=1e-4, rtol=1e-4)


def test_direct_path_patching_of_transformer_lens_where_the_norm_stays_as_it_is():
    """Theirs keeps the scale of the norm. Of a head that writes one letter for another the scale
    is the same anyway, and both give the same effect."""
    case = induction_case()
    pair = Pair.of(induction_network("LNPre"), case.base, case.new)
    model = pair.network.model
    (_, base), (_, new) = (model.run_with_cache(p.tokens) for p in (case.base, case.new))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theirs = get_act_patch_direct_path(
            model, case.base.tokens, new, base, lambda z: case.metric(z).mean(), 0, 0, "k", False
        )
    clean = case.metric(pair.base.logits).mean()
    for index in range(2):
        ours = edge_effect(pair, [edge(head(0, 0), head(1, index), "k")], case.metric).mean()
        torch.testing.assert_close(clean + ours, theirs[1, index], atol=1e-4, rtol=1e-4)
    assert theirs[1, 0] < 0 < theirs[1, 1]


def test_positions_of_an_edge():
    case = induction_case(prefix=True)
    pair = Pair.of(induction_network(), case.base, case.new)
    for at, expected in ((("B", "C"), -2.0), (("A", "END"), 0.0)):
        places = [
            Edge(Sender(head(0, 0), at), Receiver(head(1, 0), "k")),
            Edge(Sender(head(0, 0), ("A", "B", "C", "D", "END")), Receiver(head(1, 0), "k", at)),
        ]
        for place in places:
            found = edge_effect(pair, [place], case.metric)
            torch.testing.assert_close(found, torch.full((6,), expected), atol=1e-6, rtol=0)
