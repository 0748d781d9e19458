"""Agents for other people's tools: an exact HookedTransformer, and a Hugging Face folder.

TransformerLens tools then work on an agent unchanged, under the site names that agents use.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from agents.layers import Block
from agents.model import AgentModel, evaluating
from world.core.errors import UserError

if TYPE_CHECKING:
    from transformer_lens import HookedTransformer

CARD = """\
---
library_name: culture-sim
tags:
- culture-sim
- mechanistic-interpretability
---

# An agent of culture-sim

A causal transformer that answers quizzes of the world `{world}`: {n_layers} layers, width \
{d_model}, {n_heads} heads, MLP width {d_mlp}, {parameters:,} parameters; {vocab_size} token \
values, sequences of {seq_len} tokens. Architecture `{architecture}`.

`model.safetensors` holds the weights, `config.json` the sizes and the world's options.

```python
import json
from pathlib import Path
from safetensors.torch import load_file
from agents import ModelConfig, build_model
from world.core.world import worlds

config = json.loads(Path("config.json").read_text())
world = worlds["{world}"]({world_arguments})
model = build_model(ModelConfig(**config["model"]), world, seed=0)
model.load_state_dict(load_file("model.safetensors"))
```

`logits[:, t]` predicts `tokens[:, t]` from `tokens[:, :t]`: the sequence is moved right behind a \
start token 0 inside the model.
"""


def to_transformer_lens(model: AgentModel) -> HookedTransformer:
    """The same network as a HookedTransformer, on the model's device, in evaluation mode.

    Logits agree within 1e-5 in float32, and every site has the same name and activation. The
    agent shifts its tokens itself, a HookedTransformer does not: ``hooked(shift(tokens))``
    equals ``model(tokens)``. Weights are copied, neither folded nor centred. Raises UserError
    for a network that TransformerLens cannot express.
    """
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    config = model.config
    norm = _blocks(model)[0].ln1
    if not isinstance(norm, nn.LayerNorm):
        raise UserError(f"cannot export {config.architecture}: its norm is not a LayerNorm")
    options = HookedTransformerConfig(
        n_layers=config.n_layers,
        d_model=config.d_model,
        n_ctx=model.seq_len,
        d_head=config.d_model // config.n_heads,
        n_heads=config.n_heads,
        d_mlp=config.d_mlp,
        d_vocab=model.vocab_size,
        act_fn="relu",
        normalization_type="LN",
        eps=norm.eps,
        model_name=config.architecture,
        init_weights=False,
        device=str(model.unembed.weight.device),
    )
    with warnings.catch_warnings():
        # It says that version 4 drops the class; our dependencies stay below it for that reason.
        warnings.simplefilter("ignore", DeprecationWarning)
        hooked = HookedTransformer(options)
    with evaluating(model):
        weights = _hooked_weights(model)
    if not isinstance(model.ln_final, nn.LayerNorm):
        hooked.ln_final = nn.Identity()
        hooked.setup()
    hooked.load_state_dict({**_masks(hooked), **weights})
    return hooked.eval()


def to_huggingface(model: AgentModel, world_info: dict[str, Any], path: Path) -> None:
    """Write a folder for the Hugging Face hub: model.safetensors, config.json, README.md.

    world_info: "name" and the world's options, ready for JSON. An earlier export at ``path``
    is replaced. Raises UserError when ``path`` is not a folder.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file; give the path of a folder to export to")
    path.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    sizes = {"vocab_size": model.vocab_size, "seq_len": model.seq_len}
    config = {"model": asdict(model.config), **sizes, "world": world_info}
    (path / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    options = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in world_info.items()
        if name != "name"
    }
    card = CARD.format(
        world=world_info["name"],
        world_arguments=", ".join(f"{name}={value!r}" for name, value in options.items()),
        parameters=sum(p.numel() for p in model.parameters()),
        **sizes,
        **asdict(model.config),
    )
    (path / "README.md").write_text(card)


def _masks(hooked: HookedTransformer) -> dict[str, Tensor]:
    """The constant buffers that a HookedTransformer keeps among its weights."""
    names = {name for name, _ in hooked.named_parameters()}
    return {name: value for name, value in hooked.state_dict().items() if name not in names}


def _hooked_weights(model: AgentModel) -> dict[str, Tensor]:
    """The weights by their TransformerLens names; a bias that the agent lacks is zero."""
    values = torch.arange(model.vocab_size, device=model.unembed.weight.device)
    weights = {
        "embed.W_E": model.embed_tokens(values[None])[0],
        "pos_embed.W_pos": model.position_table(),
        "unembed.W_U": model.unembed.weight.T,
        "unembed.b_U": _bias(model.unembed),
    }
    if isinstance(model.ln_final, nn.LayerNorm):
        weights |= {"ln_final.w": model.ln_final.weight, "ln_final.b": _bias(model.ln_final)}
    for i, block in enumerate(_blocks(model)):
        weights |= {f"blocks.{i}.{name}": value for name, value in _block_weights(block).items()}
    return weights


def _blocks(model: AgentModel) -> list[Block]:
    return [block for block in model.blocks if isinstance(block, Block)]


def _block_weights(block: Block) -> dict[str, Tensor]:
    heads, d_head = block.attn.n_heads, block.attn.d_head
    d = heads * d_head
    attn = block.attn
    q, k, v = (m.weight.view(heads, d_head, d).transpose(-1, -2) for m in (attn.q, attn.k, attn.v))
    out = attn.out.weight.T.reshape(heads, d_head, d)
    weights = {"attn.W_Q": q, "attn.W_K": k, "attn.W_V": v, "attn.W_O": out}
    weights |= {f"attn.b_{name}": q.new_zeros(heads, d_head) for name in "QKV"}
    weights["attn.b_O"] = q.new_zeros(d)
    for name in ("ln1", "ln2"):
        norm = block.get_submodule(name)
        assert isinstance(norm, nn.LayerNorm)
        weights |= {f"{name}.w": norm.weight, f"{name}.b": _bias(norm)}
    up, down = block.mlp.up, block.mlp.down
    weights |= {"mlp.W_in": up.weight.T, "mlp.b_in": _bias(up)}
    return weights | {"mlp.W_out": down.weight.T, "mlp.b_out": _bias(down)}


def _bias(layer: nn.Linear | nn.LayerNorm) -> Tensor:
    """The bias of a layer; zeros, one for each row of the weight, when it has none."""
    return layer.weight.new_zeros(len(layer.weight)) if layer.bias is None else layer.bias
