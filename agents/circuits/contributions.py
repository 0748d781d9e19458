"""What every head and MLP adds to a difference of two logits, directly.

The last residual stream is a sum: of the embedding, of every head's output and of every MLP's. A
logit is linear in it once the scale of the last norm is held at what it is, so the difference of
two logits is a sum too (N. Elhage et al., "A mathematical framework for transformer circuits",
2021). What a head does for later layers to read is not in its own term.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from agents.hooks import evaluating
from agents.model import AgentModel

EMBEDDING, CONSTANT = "embedding", "constant"
"""Terms of no layer: what the position and its input bring along, and what no input changes."""


def component_names(model: AgentModel) -> tuple[str, ...]:
    """The parts of a network that add to the residual stream: heads as "1.0", layer and head, MLPs
    as "1.mlp"."""
    heads = range(model.config.n_heads)
    return tuple(f"{layer}.{part}" for layer in range(model.n_layers) for part in (*heads, "mlp"))


def direct_contributions(
    model: AgentModel, tokens: Int[Tensor, "B T"], position: int, token: int, other: int
) -> dict[str, Float[Tensor, " B"]]:
    """Terms of the logit of ``token`` less that of ``other`` at a position, float32, by name.

    They are EMBEDDING, those of ``component_names``, and CONSTANT, and add up to the difference.
    """
    sites = ["hook_embed", "hook_pos_embed", f"blocks.{model.n_layers - 1}.hook_resid_post"]
    for layer in range(model.n_layers):
        sites += [f"blocks.{layer}.attn.hook_result", f"blocks.{layer}.hook_mlp_out"]
    held = {site: x[:, position].float() for site, x in model.capture(tokens, sites).items()}
    final = held[sites[2]]
    parts = {EMBEDDING: held["hook_embed"] + held["hook_pos_embed"]}
    for layer in range(model.n_layers):
        heads = held[f"blocks.{layer}.attn.hook_result"].unbind(1)
        parts |= {f"{layer}.{head}": x for head, x in enumerate(heads)}
        parts[f"{layer}.mlp"] = held[f"blocks.{layer}.hook_mlp_out"]
    with evaluating(model):
        direction, constant = _read_out(model, token, other)
        scale = _scale(model.ln_final, final)
        terms = {name: (x @ direction) * scale for name, x in parts.items()}
    return {**terms, CONSTANT: constant.expand(len(final))}


def _read_out(
    model: AgentModel, token: int, other: int
) -> tuple[Float[Tensor, " d_model"], Float[Tensor, ""]]:
    """What the residual stream is projected on, and what is added whatever it holds."""
    weight, bias = model.unembed.weight.float(), model.unembed.bias
    direction = weight[token] - weight[other]
    constant = weight.new_zeros(()) if bias is None else (bias[token] - bias[other]).float()
    norm = model.ln_final
    if isinstance(norm, nn.LayerNorm):
        if norm.bias is not None:
            constant = constant + direction @ norm.bias.float()
        direction = direction * norm.weight.float()
        direction = direction - direction.mean()  # the norm takes each part's mean off
    return direction, constant


def _scale(norm: nn.Module, final: Float[Tensor, "B d_model"]) -> Float[Tensor, " B"]:
    """What the last norm multiplies by, 1 where there is none."""
    if not isinstance(norm, nn.LayerNorm):
        return final.new_ones(len(final))
    return (final.var(dim=1, correction=0) + norm.eps).rsqrt()


def ablated_difference(
    model: AgentModel,
    tokens: Int[Tensor, "B T"],
    component: str,
    source: Int[Tensor, " B"],
    position: int,
    token: int,
    other: int,
) -> Float[Tensor, " B"]:
    """The difference of logits with a component's output taken from another sequence, float32.

    Ablation by resampling (L. Chan et al., "Causal scrubbing", 2022): at all positions the
    component gives what it gives on sequence ``source[b]`` of the same batch.
    """
    layer, _, part = component.partition(".")
    site = f"blocks.{layer}.hook_mlp_out" if part == "mlp" else f"blocks.{layer}.attn.hook_z"

    def resampled(x: Tensor) -> Tensor:
        if part == "mlp":
            return x[source]
        changed = x.clone()
        changed[:, :, int(part)] = x[source, :, int(part)]
        return changed

    with evaluating(model), model.intervene({site: resampled}):
        logits = model(tokens)[:, position].float()
    return logits[:, token] - logits[:, other]
