"""An agent's network as TransformerLens has it, with the same logits and activations.

Its tools then work on an agent unchanged, under the site names that agents use. Weights are
copied, neither folded nor centred; a bias that an agent lacks is zero there.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from agents.layers import Block
from world.core.errors import UserError

if TYPE_CHECKING:
    from transformer_lens import HookedTransformer
    from transformer_lens.model_bridge import ArchitectureAdapter, TransformerBridge


@dataclass(frozen=True)
class NetworkParts:
    """What a network is made of: V token values, T positions.

    name: its architecture. embedding: of token values. positions: what is added at each position.
    ln_final: what stands after the last block, a LayerNorm or nothing.
    """

    name: str
    embedding: Float[Tensor, "V d_model"]
    positions: Float[Tensor, "T d_model"]
    blocks: Sequence[Block]
    ln_final: nn.Module
    unembed: nn.Linear

    @property
    def ends_in_norm(self) -> bool:
        """Whether a LayerNorm stands before the unembedding."""
        return isinstance(self.ln_final, nn.LayerNorm)

    def sizes(self) -> dict[str, Any]:
        """The options that every configuration of TransformerLens has."""
        block = self.blocks[0]
        if not isinstance(block.ln1, nn.LayerNorm):
            raise UserError(f"cannot export {self.name}: its norm is not a LayerNorm")
        return {
            "n_layers": len(self.blocks),
            "d_model": self.positions.shape[1],
            "n_ctx": self.positions.shape[0],
            "d_head": block.attn.d_head,
            "n_heads": block.attn.n_heads,
            "attn_only": block.mlp is None,
            # Where there is none, TransformerLens wants a width all the same.
            "d_mlp": block.mlp.up.out_features if block.mlp else 1,
            "d_vocab": self.embedding.shape[0],
            "act_fn": "relu",
            "normalization_type": "LN",
            "eps": block.ln1.eps,
            "model_name": self.name,
            "init_weights": False,
            "device": str(self.unembed.weight.device),
        }


def hooked_transformer(
    parts: NetworkParts, kind: type[HookedTransformer] | None = None
) -> HookedTransformer:
    """The network as a HookedTransformer, on its device, in evaluation mode.

    Every site has the same name, shape and activation; "attn.hook_result" is computed once
    ``hooked.set_use_attn_result(True)`` is set. kind: a subclass to make instead. Raises UserError
    for a network that TransformerLens cannot express.
    """
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    options = HookedTransformerConfig(**parts.sizes())
    with warnings.catch_warnings():
        # It says that version 4 drops the class; our dependencies stay below it for that reason.
        warnings.simplefilter("ignore", DeprecationWarning)
        hooked = (kind or HookedTransformer)(options)
    if not parts.ends_in_norm:
        hooked.ln_final = nn.Identity()
        hooked.setup()
    hooked.load_state_dict({**_masks(hooked), **hooked_weights(parts)})
    return hooked.eval()


def transformer_bridge(parts: NetworkParts) -> TransformerBridge:
    """The network as a TransformerBridge, which version 4 of TransformerLens keeps.

    On the network's device, in evaluation mode. Logits and activations are the same, but a bridge
    of version 3 has no "attn.hook_result", and its "attn.hook_attn_scores" are the pattern. Read
    patterns and "hook_resid_mid" only: a change there does not reach all that follows.
    Raises UserError for a network that TransformerLens cannot express.
    """
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module
    from transformer_lens.model_bridge.sources.native import NativeModel

    options = TransformerBridgeConfig(**parts.sizes(), positional_embedding_type="standard")
    with torch.random.fork_rng(devices=[]):
        native = NativeModel(options)
        native.head = nn.Linear(*parts.unembed.weight.T.shape)  # TransformerLens gives it no bias
    if not parts.ends_in_norm:
        native.ln_out = nn.Identity()
    native.to(parts.unembed.weight.device).load_state_dict(_native_weights(parts))
    return build_bridge_from_module(
        native.eval(),
        architecture="TransformerLensNative",
        tl_config=options,
        model_name=parts.name,
        post_adapter_hook=None if parts.ends_in_norm else _without_final_norm,
    ).eval()


def _without_final_norm(adapter: ArchitectureAdapter) -> None:
    """A bridge takes what stands after the last block for a norm, unless told otherwise."""
    from transformer_lens.model_bridge.generalized_components.base import GeneralizedComponent

    assert adapter.component_mapping is not None
    adapter.component_mapping["ln_final"] = GeneralizedComponent("ln_out", config=adapter.cfg)


def _masks(hooked: HookedTransformer) -> dict[str, Tensor]:
    """The constant buffers that a HookedTransformer keeps among its weights."""
    names = {name for name, _ in hooked.named_parameters()}
    return {name: value for name, value in hooked.state_dict().items() if name not in names}


def hooked_weights(parts: NetworkParts) -> dict[str, Tensor]:
    """The weights by their names in a HookedTransformer."""
    weights = {
        "embed.W_E": parts.embedding,
        "pos_embed.W_pos": parts.positions,
        "unembed.W_U": parts.unembed.weight.T,
        "unembed.b_U": bias_of(parts.unembed),
    }
    if isinstance(parts.ln_final, nn.LayerNorm):
        weights |= {"ln_final.w": parts.ln_final.weight, "ln_final.b": bias_of(parts.ln_final)}
    for i, block in enumerate(parts.blocks):
        weights |= {f"blocks.{i}.{name}": value for name, value in _block_weights(block).items()}
    return weights


def _block_weights(block: Block) -> dict[str, Tensor]:
    heads, d_head = block.attn.n_heads, block.attn.d_head
    d = heads * d_head
    attn = block.attn
    q, k, v = (m.weight.view(heads, d_head, d).transpose(-1, -2) for m in (attn.q, attn.k, attn.v))
    out = attn.out.weight.T.reshape(heads, d_head, d)
    weights = {"attn.W_Q": q, "attn.W_K": k, "attn.W_V": v, "attn.W_O": out}
    weights |= {f"attn.b_{name}": q.new_zeros(heads, d_head) for name in "QKV"}
    weights["attn.b_O"] = q.new_zeros(d)
    for name in ("ln1", "ln2") if block.mlp else ("ln1",):
        norm = block.get_submodule(name)
        assert isinstance(norm, nn.LayerNorm)
        weights |= {f"{name}.w": norm.weight, f"{name}.b": bias_of(norm)}
    if block.mlp is None:
        return weights
    up, down = block.mlp.up, block.mlp.down
    weights |= {"mlp.W_in": up.weight.T, "mlp.b_in": bias_of(up)}
    return weights | {"mlp.W_out": down.weight.T, "mlp.b_out": bias_of(down)}


def _native_weights(parts: NetworkParts) -> dict[str, Tensor]:
    """The weights by their names in the network behind a TransformerBridge."""
    layers: dict[str, nn.Module] = {"head": parts.unembed}
    if isinstance(parts.ln_final, nn.LayerNorm):
        layers["ln_out"] = parts.ln_final
    for i, block in enumerate(parts.blocks):
        attn, mlp = block.attn, block.mlp
        inside = {"q": attn.q, "k": attn.k, "v": attn.v, "o": attn.out}
        layers |= {f"layers.{i}.attn.{name}": linear for name, linear in inside.items()}
        layers[f"layers.{i}.ln1"] = block.ln1
        if mlp:
            layers |= {f"layers.{i}.mlp.fc_in": mlp.up, f"layers.{i}.mlp.fc_out": mlp.down}
            layers[f"layers.{i}.ln2"] = block.ln2
    weights = {"tok_embed.weight": parts.embedding, "pos.weight": parts.positions}
    for name, layer in layers.items():
        assert isinstance(layer, nn.Linear | nn.LayerNorm)
        weights |= {f"{name}.weight": layer.weight, f"{name}.bias": bias_of(layer)}
    return weights


def bias_of(layer: nn.Linear | nn.LayerNorm) -> Tensor:
    """The bias of a layer; zeros, one for each row of the weight, when it has none."""
    return layer.weight.new_zeros(len(layer.weight)) if layer.bias is None else layer.bias
