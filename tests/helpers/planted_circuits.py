"""Transformers whose weights are set by hand, so that the circuit behind every answer is known.

The residual stream is made of named subspaces. A part reads those that its weights name and
writes to another, so an edge is wired exactly if the two meet. Beside the circuit stand heads and
MLPs that compute something nobody reads.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformer_lens import HookedTransformer, HookedTransformerConfig

from agents.circuits import Metric, logit_difference
from agents.circuits.paths import Prompts

START, FILLER, END = 0, 1, 2
LETTERS = range(3, 11)
VOCABULARY = 11
GAIN = 40.0
"""Attention scores of a match: softmax leaves 1e-9 to the rest, counted with half of it."""


def hooked(**options) -> HookedTransformer:
    """A HookedTransformer with all weights zero, ReLU."""
    config = HookedTransformerConfig(act_fn="relu", init_weights=False, device="cpu", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model = HookedTransformer(config)
    for name, parameter in model.named_parameters():
        torch.nn.init.constant_(parameter, float(name.endswith(("ln1.w", "ln2.w", "final.w"))))
    return model.eval().requires_grad_(False)


def random_network(norm="LN", n_layers=3, attn_only=False, seed=0) -> HookedTransformer:
    """Random weights everywhere, biases and gains of the norms too."""
    sizes = {"d_model": 16, "n_heads": 2, "d_head": 8, "d_mlp": 24, "n_ctx": 9, "d_vocab": 11}
    model = hooked(n_layers=n_layers, normalization_type=norm, attn_only=attn_only, **sizes)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return model


class Subspaces:
    """Coordinates of a stream by name."""

    def __init__(self, **sizes: int) -> None:
        self.size, self.start = sum(sizes.values()), {}
        offset = 0
        for name, size in sizes.items():
            self.start[name], offset = offset, offset + size

    def __call__(self, name: str, index: int) -> int:
        return self.start[name] + index


def wire(weight: Tensor, pairs, value: float = 1.0) -> None:
    """Weight ``value`` from each first index to the second."""
    for i, j in pairs:
        weight[i, j] = value


def add_bystander(model: HookedTransformer, s: Subspaces, layer: int, source: str) -> None:
    """Head 1 spreads evenly what ``source`` has and writes it where only its like reads."""
    attn = model.blocks[layer].attn
    wire(attn.W_V[1], [(s(source, v), v) for v in range(VOCABULARY)])
    wire(attn.W_O[1], [(v, s("junk", v)) for v in range(VOCABULARY)])


def suited_to_norm(model: HookedTransformer) -> HookedTransformer:
    """What is written is one again, though a norm makes more of the two ones of an embedding."""
    if model.cfg.normalization_type is not None:
        for block in model.blocks:
            block.attn.W_V *= (2 / model.cfg.d_model) ** 0.5
            if not model.cfg.attn_only:
                block.mlp.W_in *= (2 / model.cfg.d_model) ** 0.5
    return model


@dataclass(frozen=True)
class Case:
    """Base prompts, new ones, and the logit of the base's answer less that of the other."""

    base: Prompts
    new: Prompts
    metric: Metric


# The induction circuit: the previous-token head 0.0 says what stood before, the induction head
# 1.0 looks for what stood before equal to the present token, and says what stands there.

INDUCTION_LENGTH = 12


def induction_network(norm: str | None = None) -> HookedTransformer:
    """Two layers of attention."""
    V, T = VOCABULARY, INDUCTION_LENGTH
    s = Subspaces(tok=V, pos=T, prev=V, out=V, junk=V)
    sizes = {"n_layers": 2, "n_heads": 2, "d_head": T, "n_ctx": T, "d_vocab": V}
    model = hooked(d_model=s.size, attn_only=True, normalization_type=norm, **sizes)
    gain = GAIN * T**0.5
    wire(model.embed.W_E, [(v, s("tok", v)) for v in range(V)])
    wire(model.pos_embed.W_pos, [(t, s("pos", t)) for t in range(T)])
    wire(model.unembed.W_U, [(s("out", v), v) for v in range(V)])
    first, second = model.blocks[0].attn, model.blocks[1].attn
    wire(first.W_Q[0], [(s("pos", t), t) for t in range(T)], gain)
    wire(first.W_K[0], [(s("pos", t), t + 1) for t in range(T - 1)])
    wire(first.W_V[0], [(s("tok", v), v) for v in range(V)])
    wire(first.W_O[0], [(v, s("prev", v)) for v in range(V)])
    wire(second.W_Q[0], [(s("tok", v), v) for v in LETTERS], gain)
    wire(second.W_K[0], [(s("prev", v), v) for v in LETTERS])
    wire(second.W_V[0], [(s("tok", v), v) for v in range(V)])
    wire(second.W_O[0], [(v, s("out", v)) for v in range(V)])
    add_bystander(model, s, 0, "tok")
    add_bystander(model, s, 1, "junk")
    return suited_to_norm(model)


def letters(count: int, of_each: int, seed: int) -> Tensor:
    """int64 [count, of_each]: different letters in every row."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(count, len(LETTERS), generator=generator).argsort(1)[:, :of_each]
    return order + LETTERS[0]


def induction_prompts(words: Tensor, prefix: Tensor) -> Prompts:
    """Start, ``prefix`` fillers, ``words`` A B D C, then the fifth; fillers up to the end.

    Columns: "A", "B", "D", "C", "END".
    """
    tokens = torch.full((len(words), INDUCTION_LENGTH), FILLER)
    tokens[:, 0] = START
    columns, row = {}, torch.arange(len(words))
    for place, name in enumerate(("A", "B", "D", "C", "END")):
        columns[name] = 1 + prefix + place + (place > 1) + (place > 3)
        tokens[row, columns[name]] = words[:, place]
    return Prompts(tokens, columns)


def induction_case(prefix: bool = False, count: int = 6) -> Case:
    """What stood before B and C is exchanged: B follows A in the base, C in the new prompts.

    prefix: the prompts begin with fillers, of other lengths in the new ones.
    """
    a, b, d, c = letters(count, 4, seed=1).unbind(1)
    generator = torch.Generator().manual_seed(2)
    lengths = torch.randint(0, 4, (2, count), generator=generator) * prefix
    base = induction_prompts(torch.stack([a, b, d, c, a], 1), lengths[0])
    new = induction_prompts(torch.stack([d, b, a, c, a], 1), lengths[1])
    return Case(base, new, logit_difference(base.columns["END"], b, c))


# The circuit of indirect objects: at the second mention of a name, the duplicate-token head 0.0
# says where the first is; from the end, the inhibition head 1.0 reads that at the second mention,
# and sends both places to the query of the mover 2.0, which copies the name that is left.

NAMES_LENGTH = 8


def names_network(relay: bool = False, norm: str | None = None) -> HookedTransformer:
    """Three layers with MLPs. relay: the MLP of layer 1 stands between inhibition and mover."""
    V, T = VOCABULARY, NAMES_LENGTH
    s = Subspaces(tok=V, pos=T, first=T, raw=T, inh=T, out=V, junk=V)
    width = V + T + 1
    sizes = {"n_layers": 3, "n_heads": 2, "d_head": width, "n_ctx": T, "d_vocab": V, "d_mlp": V}
    model = hooked(d_model=s.size, normalization_type=norm, **sizes)
    wire(model.embed.W_E, [(v, s("tok", v)) for v in range(V)])
    wire(model.pos_embed.W_pos, [(t, s("pos", t)) for t in range(T)])
    wire(model.unembed.W_U, [(s("out", v), v) for v in range(V)])
    _duplicate_head(model, s)
    _inhibition_head(model, s, "raw" if relay else "inh")
    _mover(model, s)
    for layer, block in enumerate(model.blocks):
        add_bystander(model, s, layer, "junk" if layer else "tok")
        wire(block.mlp.W_in, [(s("junk", v), v) for v in range(V)])
        wire(block.mlp.W_out, [(v, s("junk", v)) for v in range(V)])
    if relay:
        inner = model.blocks[1].mlp
        inner.W_in.zero_(), inner.W_out.zero_()
        wire(inner.W_in, [(s("raw", t), t) for t in range(T)])
        wire(inner.W_out, [(t, s("inh", t)) for t in range(T)])
    return suited_to_norm(model)


def _duplicate_head(model: HookedTransformer, s: Subspaces) -> None:
    """Scores 1 for the same name, 0 for itself, and a half for the start, where others rest.

    From the first two names it always rests.
    """
    attn, V, T = model.blocks[0].attn, VOCABULARY, NAMES_LENGTH
    gain = GAIN * (V + T + 1) ** 0.5
    wire(attn.W_Q[0], [(s("tok", v), v) for v in LETTERS], gain)
    wire(attn.W_Q[0], [(s("pos", t), V + t) for t in range(T)], gain)
    attn.b_Q[0, V + T] = gain
    wire(attn.W_Q[0], [(s("pos", t), V + T) for t in (1, 2)], 2 * gain)
    wire(attn.W_K[0], [(s("tok", v), v) for v in LETTERS])
    wire(attn.W_K[0], [(s("pos", t), V + t) for t in range(T)], -1.0)
    wire(attn.W_K[0], [(s("tok", START), V + T)], 0.5)
    wire(attn.W_V[0], [(s("pos", t), t) for t in range(1, T)])
    wire(attn.W_O[0], [(t, s("first", t)) for t in range(T)])


def _inhibition_head(model: HookedTransformer, s: Subspaces, target: str) -> None:
    """From the end to where a first mention is known; sends that place and its own."""
    attn, T = model.blocks[1].attn, NAMES_LENGTH
    wire(attn.W_Q[0], [(s("tok", END), 0)], GAIN * (VOCABULARY + T + 1) ** 0.5)
    wire(attn.W_K[0], [(s("first", t), 0) for t in range(T)])
    wire(attn.W_K[0], [(s("tok", START), 0)], 0.5)
    wire(attn.W_V[0], [(s(name, t), t) for name in ("first", "pos") for t in range(1, T)])
    wire(attn.W_O[0], [(t, s(target, t)) for t in range(T)])


def _mover(model: HookedTransformer, s: Subspaces) -> None:
    """From the end to a name, not to the places inhibited; copies it."""
    attn, V, T = model.blocks[2].attn, VOCABULARY, NAMES_LENGTH
    gain = GAIN * (V + T + 1) ** 0.5
    wire(attn.W_Q[0], [(s("tok", END), T)], gain)
    wire(attn.W_Q[0], [(s("inh", t), t) for t in range(T)], -2 * gain)
    wire(attn.W_K[0], [(s("tok", v), T) for v in LETTERS])
    wire(attn.W_K[0], [(s("pos", t), t) for t in range(T)])
    wire(attn.W_V[0], [(s("tok", v), v) for v in LETTERS])
    wire(attn.W_O[0], [(v, s("out", v)) for v in LETTERS])


def names_prompts(names: Tensor) -> Prompts:
    """Start, two names, filler, a name, two fillers, the end; columns by what is where."""
    tokens = torch.full((len(names), NAMES_LENGTH), FILLER)
    tokens[:, 0], tokens[:, -1] = START, END
    columns = {}
    for place, name in ((1, "N1"), (2, "N2"), (4, "S2"), (7, "END")):
        columns[name] = torch.full((len(names),), place)
    tokens[:, 1], tokens[:, 2], tokens[:, 4] = names.unbind(1)
    return Prompts(tokens, columns)


def names_case(flip: str, count: int = 6) -> Case:
    """Base A B B, answer A. flip: "S2", new A B A; "order", new B A B; "names", all others."""
    a, b, c, d = letters(count, 4, seed=3).unbind(1)
    new = {"S2": (a, b, a), "order": (b, a, b), "names": (c, d, d)}[flip]
    base = names_prompts(torch.stack([a, b, b], 1))
    metric = logit_difference(base.columns["END"], a, b)
    return Case(base, names_prompts(torch.stack(new, 1)), metric)


def with_tokens(prompts: Prompts, tokens: Tensor) -> Prompts:
    """The same columns on other tokens."""
    return replace(prompts, tokens=tokens)
