"""Files in the format of the published experiment, from random numbers, and its network once more.

Written from the description of the format; nothing here is used by, or uses, the importer.
"""

import json
import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

VOCAB, LENGTH = 15, 404
LABELS = ("contact", "corners", "culture", "detect", "frame", "grow", "half_fill",
          "replace_color", "translate")  # fmt: skip
"""As the published dataset has them, sorted."""
STARTS = (0, 101, 202, 303)


@dataclass(frozen=True)
class Shape:
    """A network's size by the source's names."""

    dim: int = 32
    keys: int = 16
    hidden: int = 48
    heads: int = 2
    blocks: int = 2


def tensors(shape=Shape(), seed=0):
    """A network's state, random and of a size that makes attention and MLPs matter."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*size, scale=None):
        values = torch.randn(*size, generator=rng)
        return values * (scale or size[-1] ** -0.5)

    values = shape.dim // shape.heads
    state = OrderedDict()
    state["embedding.0.f.0.weight"] = draw(VOCAB, shape.dim, scale=1.0)
    for block in range(shape.blocks):
        one, two = f"trunk.{2 * block}.f", f"trunk.{2 * block + 1}.f.f"
        state[f"{one}.0.f.0.weight"] = 1 + draw(shape.dim, scale=0.1)
        state[f"{one}.0.f.0.bias"] = draw(shape.dim, scale=0.1)
        state[f"{one}.1.w_q"] = 3 * draw(shape.heads, shape.keys, shape.dim)
        state[f"{one}.1.w_k"] = 3 * draw(shape.heads, shape.keys, shape.dim)
        state[f"{one}.1.w_v"] = draw(shape.heads, values, shape.dim)
        state[f"{one}.1.w_o"] = draw(shape.heads * values, shape.dim)
        state[f"{two}.0.weight"] = 1 + draw(shape.dim, scale=0.1)
        state[f"{two}.0.bias"] = draw(shape.dim, scale=0.1)
        state[f"{two}.2.weight"] = draw(shape.hidden, shape.dim)
        state[f"{two}.2.bias"] = draw(shape.hidden, scale=0.1)
        state[f"{two}.4.weight"] = draw(shape.dim, shape.hidden)
        state[f"{two}.4.bias"] = draw(shape.dim, scale=0.1)
    state["readout.f.weight"] = draw(VOCAB, shape.dim)
    state["readout.f.bias"] = draw(VOCAB, scale=0.1)
    return state


def logits(state, tokens):
    """What the source's network makes of int64 tokens [B, T]: [B, T, 15]."""
    dim = state["readout.f.weight"].shape[1]
    x = F.embedding(F.pad(tokens, (1, 0))[:, :-1], state["embedding.0.f.0.weight"])
    x = x + sines(x.shape[1], dim)
    block = 0
    while f"trunk.{2 * block}.f.1.w_q" in state:
        one, two = f"trunk.{2 * block}.f", f"trunk.{2 * block + 1}.f.f"
        x = x + attended(state, one, normed(state, f"{one}.0.f.0", x))
        y = normed(state, f"{two}.0", x)
        y = torch.relu(y @ state[f"{two}.2.weight"].T + state[f"{two}.2.bias"])
        x = x + y @ state[f"{two}.4.weight"].T + state[f"{two}.4.bias"]
        block += 1
    return x @ state["readout.f.weight"].T + state["readout.f.bias"]


def sines(length, dim):
    rows = []
    for t in range(length):
        angles = [(t / 1e5 ** ((j - j % 2) / dim), j % 2) for j in range(dim)]
        rows.append([math.cos(a) if odd else math.sin(a) for a, odd in angles])
    return torch.tensor(rows)


def normed(state, name, x):
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"])


def attended(state, name, x):
    w_q, w_k, w_v, w_o = (state[f"{name}.1.w_{kind}"] for kind in "qkvo")
    later = torch.ones(x.shape[1], x.shape[1]).triu(1).bool()
    found = []
    for head in range(len(w_q)):
        q, k, v = (x @ w[head].T for w in (w_q, w_k, w_v))
        scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(later, -math.inf)
        found.append(torch.softmax(scores, -1) @ v)
    return torch.cat(found, -1) @ w_o


def write_agent(folder, number, shape=Shape(), accuracy=0.5):
    """``gpt_00K.pth``: weights of a seed of its own, and an accuracy."""
    path = folder / f"gpt_{number:03d}.pth"
    value = torch.tensor(accuracy) if accuracy is not None else 0.0
    torch.save((tensors(shape, seed=number), value), path)
    return path


def in_tokens(quizzes):
    """int64 [n, 404] of grids [n, 4, 10, 10], each grid behind its label."""
    grids = np.asarray(quizzes, dtype=np.int64).reshape(len(quizzes), 4, 100)
    labels = np.broadcast_to(np.arange(11, 15)[:, None], (len(grids), 4, 1))
    return np.concatenate([labels, grids], axis=2).reshape(len(grids), LENGTH)


def write_culture(path, train, test):
    """``c_quizzes.pth`` of lists of int64 [n, 404], one a round."""
    torch.save(tuple([torch.from_numpy(rows) for rows in part] for part in (train, test)), path)
    return path


def reordered(tokens, order):
    """Rows in layout 0 with their four grids in another order."""
    return tokens.reshape(len(tokens), 4, 101)[:, list(order)].reshape(len(tokens), LENGTH)


def write_dataset(path, tokens, labels, names=LABELS):
    """Rows behind a 0 with their labels, as ``push_to_hub`` writes them."""
    rows = np.concatenate([np.zeros((len(tokens), 1), np.int64), tokens], axis=1)
    told = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}}
    kind = pa.list_(pa.int32(), LENGTH + 1)
    table = pa.table(
        {
            "input_ids": pa.array(rows.tolist(), kind),
            "label": pa.array([names.index(label) for label in labels], pa.int64()),
        }
    ).replace_schema_metadata({"huggingface": json.dumps(told)})
    pq.write_table(table, path)
    return path


def write_sae(folder, d_in=32, width=40, agent=0, site="blocks.1.hook_mlp_out", **changed):
    """``cfg.json`` and ``sae_weights.safetensors`` of sae_lens 3.14; returns the tensors."""
    rng = torch.Generator().manual_seed(agent + 7)
    shapes = {"W_enc": (d_in, width), "b_enc": (width,), "W_dec": (width, d_in), "b_dec": (d_in,)}
    weights = {name: 0.3 * torch.randn(*size, generator=rng) for name, size in shapes.items()}
    options = {
        "architecture": "standard", "d_in": d_in, "d_sae": width, "activation_fn_str": "relu",
        "apply_b_dec_to_input": False, "finetuning_scaling_factor": False, "context_size": 405,
        "model_name": f"culture-gpt-{agent}", "hook_name": site, "hook_layer": 8,
        "hook_head_index": None, "prepend_bos": True, "dataset_path": "a/dataset",
        "dataset_trust_remote_code": True, "normalize_activations": "none", "dtype": "float32",
        "device": "cuda", "sae_lens_training_version": "3.14.0", "activation_fn_kwargs": {},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps({**options, **changed}))
    save_file(weights, folder / "sae_weights.safetensors")
    return weights
