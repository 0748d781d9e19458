"""An agent's network as an architecture of Hugging Face transformers, with the same logits.

No code of this project is needed to open it. A network with a norm at its end is a GPT-2, one
without is an OPT, which alone can do without; positions are a learned table in both, and what is
zero or absent in an agent is zero there. Neither has biases of logits. Those of an agent are given
by what stands before the unembedding: a vector that the unembedding turns into the biases is added
to the bias of the final norm, or to that of the last MLP where there is no norm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from agents.layers import Block
from agents.lens import NetworkParts, bias_of
from world.core.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

START = 0
"""The token that stands before every sequence."""
OPT_OFFSET = 2
"""Rows of OPT's table of positions that stand before the first position."""
OPT_EPS = 1e-5
"""Of OPT's norms, which have no option for it."""
INEXACT = 1e-6
"""Of the largest bias of a logit: by how much it may be missed at the most."""


def transformers_model(parts: NetworkParts) -> PreTrainedModel:
    """The network as a GPT2LMHeadModel or OPTForCausalLM, on the CPU, in evaluation mode.

    It is given the start token before the sequence, ``model(shift(tokens)).logits``, and hidden
    states are the agent's residual stream; of an OPT the last one has the vector of the biases
    in it. Raises UserError for a network that neither can express.
    """
    # Each of them ends in what the unembedding reads, and that is where the biases come from.
    make = _gpt2 if parts.ends_in_norm else _opt
    sizes, added = parts.sizes(), _vector_of_biases(parts)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        model, weights = make(parts, sizes, added)
        model.load_state_dict({name: value.detach().cpu() for name, value in weights.items()})
    options = model.generation_config
    options.bos_token_id, options.eos_token_id, options.pad_token_id = START, None, None
    return model.eval()


def _vector_of_biases(parts: NetworkParts) -> Float[Tensor, " d_model"]:
    """What the unembedding turns into the biases of the logits: the shortest such vector."""
    unembed = parts.unembed.weight.detach().double().cpu()
    wanted = bias_of(parts.unembed).detach().double().cpu()
    vector = torch.linalg.pinv(unembed) @ wanted
    missed = (unembed @ vector - wanted).abs().max()
    if missed > INEXACT * wanted.abs().max():
        raise UserError(
            f"cannot export {parts.name} to transformers: the {len(wanted)} biases of its logits "
            f"cannot be given by {unembed.shape[1]} dimensions"
        )
    return vector.to(parts.unembed.weight.dtype)


def _gpt2(
    parts: NetworkParts, sizes: dict[str, Any], added: Tensor
) -> tuple[PreTrainedModel, dict[str, Tensor]]:
    from transformers import GPT2Config, GPT2LMHeadModel

    assert isinstance(parts.ln_final, nn.LayerNorm)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=sizes["d_vocab"],
            n_positions=sizes["n_ctx"],
            n_embd=sizes["d_model"],
            n_layer=sizes["n_layers"],
            n_head=sizes["n_heads"],
            n_inner=sizes["d_mlp"],
            activation_function=sizes["act_fn"],
            layer_norm_epsilon=sizes["eps"],
            **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
            bos_token_id=START,
            eos_token_id=None,
            tie_word_embeddings=False,
        )
    )
    weights = {
        "transformer.wte.weight": parts.embedding,
        "transformer.wpe.weight": parts.positions,
        "transformer.ln_f.weight": parts.ln_final.weight,
        "transformer.ln_f.bias": bias_of(parts.ln_final).cpu() + added,
        "lm_head.weight": parts.unembed.weight,
    }
    for i, block in enumerate(parts.blocks):
        weights |= {f"transformer.h.{i}.{name}": x for name, x in _gpt2_block(block).items()}
    return model, weights


def _gpt2_block(block: Block) -> dict[str, Tensor]:
    """Weights stand the other way round there: [in, out]."""
    attn, (up, down, norm) = block.attn, _mlp(block)
    qkv = attn.qkv_weight()
    weights = {"attn.c_attn.weight": qkv.T, "attn.c_attn.bias": qkv.new_zeros(len(qkv))}
    linear = {"attn.c_proj": attn.out, "mlp.c_fc": up, "mlp.c_proj": down}
    for name, layer in linear.items():
        weights |= {f"{name}.weight": layer.weight.T, f"{name}.bias": bias_of(layer)}
    return weights | _norms({"ln_1": block.ln1, "ln_2": norm})


def _opt(
    parts: NetworkParts, sizes: dict[str, Any], added: Tensor
) -> tuple[PreTrainedModel, dict[str, Tensor]]:
    from transformers import OPTConfig, OPTForCausalLM

    if sizes["eps"] != OPT_EPS:
        raise UserError(
            f"cannot export {parts.name} to transformers: without a norm at its end it is an OPT, "
            f"whose norms have an epsilon of {OPT_EPS}, not {sizes['eps']}"
        )
    model = OPTForCausalLM(
        OPTConfig(
            vocab_size=sizes["d_vocab"],
            max_position_embeddings=sizes["n_ctx"],
            hidden_size=sizes["d_model"],
            num_hidden_layers=sizes["n_layers"],
            num_attention_heads=sizes["n_heads"],
            ffn_dim=sizes["d_mlp"],
            activation_function=sizes["act_fn"],
            dropout=0.0,
            bos_token_id=START,
            **dict.fromkeys(("eos_token_id", "pad_token_id")),
            tie_word_embeddings=False,
            _remove_final_layer_norm=True,
        )
    )
    decoder = "model.decoder"
    before = parts.positions.new_zeros(OPT_OFFSET, sizes["d_model"])
    weights = {
        f"{decoder}.embed_tokens.weight": parts.embedding,
        f"{decoder}.embed_positions.weight": torch.cat([before, parts.positions]),
        "lm_head.weight": parts.unembed.weight,
    }
    for i, block in enumerate(parts.blocks):
        weights |= {f"{decoder}.layers.{i}.{name}": x for name, x in _opt_block(block).items()}
    last = f"{decoder}.layers.{sizes['n_layers'] - 1}.fc2.bias"
    return model, {**weights, last: weights[last].cpu() + added}


def _opt_block(block: Block) -> dict[str, Tensor]:
    attn, (up, down, norm) = block.attn, _mlp(block)
    linear = {f"self_attn.{name}_proj": getattr(attn, name) for name in ("q", "k", "v", "out")}
    weights: dict[str, Tensor] = {}
    for name, layer in {**linear, "fc1": up, "fc2": down}.items():
        weights |= {f"{name}.weight": layer.weight, f"{name}.bias": bias_of(layer)}
    norms = {"self_attn_layer_norm": block.ln1, "final_layer_norm": norm}
    return weights | _norms(norms)


def _mlp(block: Block) -> tuple[nn.Linear, nn.Linear, nn.Module]:
    """The two maps of a block's MLP, and the norm before it. Of a block of attention alone, which
    neither architecture knows, those of an MLP that gives nothing."""
    if block.mlp is not None:
        return block.mlp.up, block.mlp.down, block.ln2
    out = block.attn.out.weight
    width = len(out)
    up, down = nn.Linear(width, 1, bias=False), nn.Linear(1, width, bias=False)
    nn.init.zeros_(down.weight)
    return up.to(out), down.to(out), nn.LayerNorm(width).to(out)


def _norms(norms: dict[str, nn.Module]) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for name, norm in norms.items():
        assert isinstance(norm, nn.LayerNorm)
        weights |= {f"{name}.weight": norm.weight, f"{name}.bias": bias_of(norm)}
    return weights
