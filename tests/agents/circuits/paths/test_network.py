"""The sum of parts is the network."""

from __future__ import annotations

import pytest
import torch

from agents.circuits.paths import (
    EMBED,
    LOGITS,
    POS_EMBED,
    Network,
    Part,
    Path,
    Prompts,
    Receiver,
    Sender,
    head,
    mlp,
)
from agents.model import shift
from tests.helpers.planted_circuits import (
    hooked,
    induction_case,
    induction_network,
    names_case,
    names_network,
    random_network,
)
from world.core.errors import UserError


@pytest.fixture(scope="module")
def prompts():
    return Prompts(torch.randint(0, 11, (5, 9), generator=torch.Generator().manual_seed(0)))


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("norm", ["LN", "LNPre", None])
@pytest.mark.parametrize("attn_only", [False, True])
def test_a_run_is_that_of_transformer_lens(prompts, norm, attn_only):
    model = random_network(norm, attn_only=attn_only)
    run = Network(model).read(prompts)
    logits, cache = model.run_with_cache(prompts.tokens)
    close(run.logits, logits)
    close(run.outputs[EMBED], cache["hook_embed"])
    close(run.outputs[POS_EMBED], cache["hook_pos_embed"])
    for layer in range(3):
        close(run.patterns[layer], cache["pattern", layer])
        for slot in "qkv":
            close(run.slots[layer, slot], cache[slot, layer])
        for index in range(2):
            result = cache["z", layer][:, :, index] @ model.blocks[layer].attn.W_O[index]
            close(run.outputs[head(layer, index)], result)
        if not attn_only:
            close(run.outputs[mlp(layer)], cache["mlp_out", layer])


def test_an_agent_is_one(untrained, quizzes):
    tokens = torch.from_numpy(quizzes.tokens[:6]).long()
    run = Network(untrained.to_transformer_lens()).read(Prompts(shift(tokens)))
    torch.testing.assert_close(run.logits, untrained(tokens), atol=1e-4, rtol=1e-4)


def test_what_is_no_plain_sum_is_refused(prompts):
    options = {"n_layers": 1, "d_model": 8, "n_heads": 1, "d_head": 8, "n_ctx": 9, "d_vocab": 11}
    rotary = hooked(positional_embedding_type="rotary", rotary_dim=8, attn_only=True, **options)
    with pytest.raises(UserError, match="positional_embedding_type='rotary'"):
        Network(rotary)
    capped = hooked(output_logits_soft_cap=0.01, d_mlp=8, **options)
    torch.nn.init.normal_(capped.unembed.b_U)
    with pytest.raises(UserError, match="no sum of its parts"):
        Network(capped).read(prompts)


def test_planted_circuits_answer_by_design():
    case = induction_case(prefix=True)
    for norm in (None, "LNPre"):
        network = Network(induction_network(norm))
        for prompts, sign in ((case.base, 1), (case.new, -1)):
            end = prompts.columns["END"]
            logits = network.read(prompts).logits[torch.arange(6), end]
            answer = prompts.tokens[torch.arange(6), prompts.columns["B" if sign > 0 else "C"]]
            assert (logits.argmax(1) == answer).all()
    for relay in (False, True):
        case = names_case("S2")
        for norm in (None, "LNPre"):
            network = Network(names_network(relay, norm))
            for prompts, name in ((case.base, "N1"), (case.new, "N2")):
                answer = prompts.tokens[torch.arange(6), prompts.columns[name]]
                assert (network.read(prompts).logits[:, -1].argmax(1) == answer).all()


def test_parts_and_prompts_that_cannot_be():
    with pytest.raises(ValueError, match=r"m1 has no slot 'q'"):
        Receiver(mlp(1), "q")
    with pytest.raises(ValueError, match="column 'END' must have 2 positions below 3"):
        Prompts(torch.zeros(2, 3, dtype=torch.long), {"END": torch.tensor([1, 3])})
    for hops in ((), (LOGITS, Receiver(mlp(1), "mlp"))):
        with pytest.raises(ValueError, match="nothing comes after the logits"):
            Path.of(Sender(mlp(0)), *hops)
    assert sorted([mlp(0), head(0, 1), Part(-1, "embed")])[0] == EMBED
