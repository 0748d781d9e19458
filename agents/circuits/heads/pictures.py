"""Pictures of attention."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

COLUMNS = 4
INCHES = 0.28
"""Of a position in a picture."""


def draw_attention(
    patterns: Float[Tensor, "N T T"], titles: Sequence[str], words: Sequence[str]
) -> Figure:
    """Each pattern as a square of weights from 0 (white) to 1, queries down and keys across.

    words: of the T positions. ``figure.savefig(path)`` writes it.
    """
    columns = min(COLUMNS, len(titles))
    rows = -(-len(titles) // columns)
    side = INCHES * len(words) + 1.2
    figure = Figure(figsize=(side * columns, side * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax, pattern, title in zip(axes, patterns.cpu().numpy(), titles, strict=False):
        ax.imshow(pattern, cmap="Blues", vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_xticks(range(len(words)), words, rotation=90)
        ax.set_yticks(range(len(words)), words)
    for ax in axes[len(titles) :]:
        ax.set_axis_off()
    return figure
