"""GPT-2 where it is at hand: the heads that say the indirect object are the published ones."""

from __future__ import annotations

import pytest
import torch
from huggingface_hub import try_to_load_from_cache

from agents.circuits import logit_difference
from agents.circuits.paths import LOGITS, Pair, Path, Prompts, Sender, effect, head

CACHED = isinstance(try_to_load_from_cache("gpt2", "model.safetensors"), str)
NAMES = (" Mary", " John", " Anna", " Tom", " Lisa", " Mark", " Sarah", " Paul")


def rolled(steps):
    return NAMES[steps:] + NAMES[:steps]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not CACHED, reason="GPT-2 is not in the cache of Hugging Face")
def test_the_name_movers_of_gpt2():
    """K. Wang et al., 2022: 9.9, 10.0 and 9.6 for, 10.7 and 11.10 against."""
    from transformer_lens import HookedTransformer

    model = HookedTransformer.from_pretrained("gpt2", device="cpu")
    text = "When{} and{} went to the store,{} gave a drink to"

    def prompts(io, s1, s2):
        words = zip(io, s1, s2, strict=True)
        return Prompts(model.to_tokens([text.format(*names) for names in words]))

    base = prompts(NAMES, rolled(1), rolled(1))
    new = prompts(rolled(2), rolled(3), rolled(4))
    io, s = (
        torch.tensor([model.to_single_token(name) for name in names])
        for names in (NAMES, rolled(1))
    )
    pair = Pair.of(model, base, new)
    metric = logit_difference(torch.full((8,), base.tokens.shape[1] - 1), io, s)
    effects = {
        part: float(effect(pair, Path.of(Sender(part), LOGITS), metric).mean())
        for part in pair.network.parts
        if part.kind == "head"
    }
    order = sorted(effects, key=effects.__getitem__)
    assert head(9, 9) in order[:3]
    assert {head(10, 7), head(11, 10)} <= set(order[-4:])
