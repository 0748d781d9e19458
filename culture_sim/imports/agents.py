"""Agents of the published experiment: ``gpt_00K.pth``, weights and an accuracy.

The names are those of F. Fleuret's network of August 2024. Each of its tensors is one of
``culture_gpt``: heads are laid side by side, and the output of attention, which multiplies from the
left there, is transposed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from agents.architectures.culture_gpt import CultureGPTArchitecture
from agents.config import ModelConfig
from culture_sim.imports.reading import (
    MOST_WEIGHTS,
    is_plain,
    read_saved,
    refuse_other_floats,
    refuse_other_type,
)
from world.core.errors import UserError
from world.core.files import file_hash

EMBEDDING = "embedding.0.f.0.weight"
FIRST_KEYS, FIRST_HIDDEN = "trunk.0.f.1.w_k", "trunk.1.f.f.2.weight"
"""With the embedding, tensors that tell the size of a network."""
KEYS = re.compile(r"trunk\.\d+\.f\.1\.w_k")
"""One for each block."""
NUMBER = re.compile(r"(\d+)$")
DROPOUT = 0.1
"""Of every network of the source, while it learned."""


@dataclass(frozen=True)
class Size:
    """A network's size: as ``ModelConfig`` has it, with the numbers of a key."""

    d_model: int
    n_layers: int
    n_heads: int
    d_mlp: int
    d_key: int

    @property
    def d_head(self) -> int:
        """Numbers of a value, and of a key here."""
        return self.d_model // self.n_heads

    def model(self) -> ModelConfig:
        """The network here."""
        return ModelConfig(
            CultureGPTArchitecture(),
            d_model=self.d_model,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            d_mlp=self.d_mlp,
            dropout=DROPOUT,
        )


@dataclass(frozen=True)
class PublishedAgent:
    """An agent as it was published.

    number: at the end of its file's name, None without. accuracy: that stands beside the weights,
    a share of quizzes answered by sampling; None where it was not known when they were saved.
    weights: by the names that ``culture_gpt`` has for them.
    """

    path: Path
    sha256: str
    number: int | None
    accuracy: float | None
    size: Size
    weights: Mapping[str, Tensor]

    @property
    def origin(self) -> dict[str, Any]:
        """What is kept with the agent; None is what nobody knows: what it has learned from."""
        return {
            "from": self.path.name,
            "sha256": self.sha256,
            "accuracy": self.accuracy,
            "quizzes": None,
            "seconds": None,
        }


def read_agent(path: Path, vocab_size: int) -> PublishedAgent:
    """The agent in a file; raises UserError, with one line, for whatever is not one."""
    saved = read_saved(path, MOST_WEIGHTS)
    if not isinstance(saved, tuple | list) or len(saved) != 2:
        raise UserError(f"{path} must hold weights and an accuracy, got {_kind(saved)}")
    tensors, accuracy = saved
    if not isinstance(tensors, Mapping) or not all(isinstance(name, str) for name in tensors):
        raise UserError(f"{path} must begin with tensors by name, got {_kind(tensors)}")
    size = _size(path, tensors)
    _refuse_others(path, tensors, _shapes(size, vocab_size))
    number = NUMBER.search(path.stem)
    return PublishedAgent(
        path,
        file_hash(path),
        int(number[1]) if number else None,
        _accuracy(path, accuracy),
        size,
        _converted(tensors, size),
    )


def _kind(value: object) -> str:
    length = f" of {len(value)}" if isinstance(value, tuple | list) else ""
    return f"{type(value).__name__}{length}"


def _accuracy(path: Path, value: object) -> float | None:
    """As a share. The number 0.0 stands for none: the source has it from when culture was made to
    the next test."""
    if isinstance(value, Tensor) and value.dtype == torch.float32 and not value.shape:
        share = float(value) if is_plain(value) else math.nan
    elif isinstance(value, float):
        share = value
    else:
        raise UserError(f"{path}: its accuracy must be a number, got {_kind(value)}")
    if not math.isfinite(share) or not 0 <= share <= 1:
        raise UserError(f"{path}: its accuracy must be in [0, 1], got {share}")
    return share if isinstance(value, Tensor) or share else None


def _size(path: Path, tensors: Mapping[str, Any]) -> Size:
    """The size that a few tensors show; whether all others are of it is asked afterwards."""
    shapes = []
    for name, dimensions in ((EMBEDDING, 2), (FIRST_KEYS, 3), (FIRST_HIDDEN, 2)):
        value = tensors.get(name)
        if not isinstance(value, Tensor) or value.ndim != dimensions or not value.numel():
            raise UserError(
                f"{path} is no agent of the published experiment: it lacks {name} of "
                f"{dimensions} dimensions"
            )
        shapes.append(tuple(value.shape))
    (_, d_model), (n_heads, d_key, _), (d_mlp, _) = shapes
    n_layers = sum(KEYS.fullmatch(name) is not None for name in tensors)
    size = Size(d_model, n_layers, n_heads, d_mlp, d_key)
    if d_model % n_heads:
        raise UserError(f"{path}: {n_heads} heads do not divide a width of {d_model}")
    if d_key > size.d_head:
        raise UserError(
            f"{path}: its keys have {d_key} numbers and its values {size.d_head}, as in the "
            f"source's size 17K; attention here has room for keys as wide as values at most"
        )
    return size


def _shapes(size: Size, vocab_size: int) -> dict[str, tuple[int, ...]]:
    """The tensors of a network, by the source's names."""
    d, heads, head = size.d_model, size.n_heads, size.d_head
    shapes: dict[str, tuple[int, ...]] = {
        EMBEDDING: (vocab_size, d),
        "readout.f.weight": (vocab_size, d),
        "readout.f.bias": (vocab_size,),
    }
    for layer in range(size.n_layers):
        attention, mlp = _places(layer)
        shapes |= {
            f"{attention}.0.f.0.weight": (d,),
            f"{attention}.0.f.0.bias": (d,),
            f"{attention}.1.w_q": (heads, size.d_key, d),
            f"{attention}.1.w_k": (heads, size.d_key, d),
            f"{attention}.1.w_v": (heads, head, d),
            f"{attention}.1.w_o": (heads * head, d),
            f"{mlp}.0.weight": (d,),
            f"{mlp}.0.bias": (d,),
            f"{mlp}.2.weight": (size.d_mlp, d),
            f"{mlp}.2.bias": (size.d_mlp,),
            f"{mlp}.4.weight": (d, size.d_mlp),
            f"{mlp}.4.bias": (d,),
        }
    return shapes


def _places(layer: int) -> tuple[str, str]:
    """Where attention and MLP of a block are."""
    return f"trunk.{2 * layer}.f", f"trunk.{2 * layer + 1}.f.f"


def _refuse_others(
    path: Path, tensors: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise UserError unless there are these tensors and no other."""
    if missing := sorted(shapes.keys() - tensors.keys()):
        raise UserError(f"{path} is no agent of the published experiment: it lacks {missing[0]}")
    if unknown := sorted(tensors.keys() - shapes.keys()):
        raise UserError(
            f"{path} is no agent of the published experiment: it has {unknown[0]!r} as well"
        )
    for name, shape in shapes.items():
        refuse_other_type(path, name, tensors[name], shape)
    # A tensor may claim to be larger than what is stored of it.
    if 4 * sum(math.prod(shape) for shape in shapes.values()) > path.stat().st_size:
        raise UserError(f"{path} is too small for float32 tensors of the shapes in it")
    for name, shape in shapes.items():
        refuse_other_floats(path, name, tensors[name], shape)


def _converted(tensors: Mapping[str, Tensor], size: Size) -> dict[str, Tensor]:
    """The same tensors by the names, and in the shapes, of ``culture_gpt``."""
    found = {
        "embed.weight": tensors[EMBEDDING],
        "unembed.weight": tensors["readout.f.weight"],
        "unembed.bias": tensors["readout.f.bias"],
    }
    for layer in range(size.n_layers):
        (attention, mlp), block = _places(layer), f"blocks.{layer}"
        heads = f"{attention}.1.w"
        found |= {
            # Scores are divided by the root of the width of keys, which is another when padded.
            f"{block}.attn.q.weight": _side_by_side(
                tensors[f"{heads}_q"] * math.sqrt(size.d_head / size.d_key), size
            ),
            f"{block}.attn.k.weight": _side_by_side(tensors[f"{heads}_k"], size),
            f"{block}.attn.v.weight": _side_by_side(tensors[f"{heads}_v"], size),
            f"{block}.attn.out.weight": tensors[f"{heads}_o"].T.contiguous(),
        }
        for there, here in (
            (f"{attention}.0.f.0", "ln1"),
            (f"{mlp}.0", "ln2"),
            (f"{mlp}.2", "mlp.up"),
            (f"{mlp}.4", "mlp.down"),
        ):
            for kind in ("weight", "bias"):
                found[f"{block}.{here}.{kind}"] = tensors[f"{there}.{kind}"]
    return {name: tensor.clone() for name, tensor in found.items()}


def _side_by_side(heads: Tensor, size: Size) -> Tensor:
    """[H, up to d_head, d_model] as [d_model, d_model]; keys that are narrower get zeros."""
    padded = F.pad(heads, (0, 0, 0, size.d_head - heads.shape[1]))
    return padded.reshape(size.d_model, size.d_model)
