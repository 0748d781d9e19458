"""How data is written into the page: trees as JSON, quizzes as text, arrays packed."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from world import World
from world.core.files import json_text

BASE = ord("0")
"""A value of a token is written as the character that many places after its own number."""


def embed(tree: dict[str, Any]) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json_text(tree, separators=(",", ":"), ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))


def written(tokens: NDArray[np.unsignedinteger]) -> list[str]:
    """uint8 [B, T] as B strings of T characters."""
    return ["".join(map(chr, row)) for row in (tokens.astype(np.int64) + BASE).tolist()]


def packed(column: NDArray[Any]) -> list[Any]:
    """An array as its type, the length of a row and its compressed bytes, in base 64."""
    little = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
    row = int(np.prod(column.shape[1:], dtype=np.int64))
    return [
        column.dtype.name,
        row,
        base64.b64encode(gzip.compress(little.tobytes(), 6, mtime=0)).decode(),
    ]


def part_orders(world: World, layouts: Sequence[int]) -> list[list[int]]:
    """In which order each layout writes the parts of a quiz, by their places in layout 0;
    the last is the answer."""
    first = world.layouts[0].parts
    return [[first.index(part) for part in world.layouts[s].parts] for s in layouts]
