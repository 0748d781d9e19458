"""How the gallery writes its columns into the page."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

BASE = ord("0")
"""A value of a token is written as the character that many places after its own number."""


def embed(tree: dict[str, Any]) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(tree, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def written(tokens: NDArray[np.uint8]) -> list[str]:
    """uint8 [B, T] as B strings of T characters."""
    return ["".join(map(chr, row)) for row in (tokens.astype(np.int64) + BASE).tolist()]
