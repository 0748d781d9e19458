"""Quizzes as people see them: coloured text, PNG, and inline SVG with marks laid over the cells."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from world.core.batch import QuizBatch
from world.core.drawing import Drawing

if TYPE_CHECKING:
    from world.grids.world import GridsWorld

PALETTE = (
    "#f4f4f1",
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#d55e00",
    "#56b4e9",
    "#f0e442",
    "#7b4b94",
    "#7f7f7f",
    "#222222",
)
"""Background, then colours after Okabe and Ito (2008), told apart by colour-blind readers."""
WORDS = (
    *("background", "blue", "orange", "green", "pink", "vermilion", "sky blue", "yellow"),
    *("purple", "grey", "black"),
)
"""What the colours of the palette are called."""
NAMES = {"A": "A", "fA": "f(A)", "B": "B", "fB": "f(B)"}
CELL, GAP, HEAD = 10, 8, 11


def colour(value: int) -> str:
    """The colour of a cell value as #rrggbb; values beyond the palette go round it."""
    return PALETTE[value] if value < len(PALETTE) else PALETTE[1 + (value - 1) % (len(PALETTE) - 1)]


def word(value: int) -> str:
    """What the colour of a cell value is called; values beyond the palette by number."""
    return WORDS[value] if value < len(WORDS) else f"colour {value}"


def panels(world: GridsWorld, batch: QuizBatch, row: int) -> list[tuple[str, NDArray[np.uint8]]]:
    """Name and cells uint8 [H, W] of the four grids, in the order written."""
    layout = world.layouts[batch.layout[row]]
    cells = batch.tokens[row].reshape(4, -1)[:, 1:].reshape(4, world.height, world.width)
    names = layout.name.split(",")
    return [(NAMES[name], grid) for name, grid in zip(names, cells, strict=True)]


def ansi(world: GridsWorld, batch: QuizBatch, row: int, plain: bool = False) -> str:
    """One quiz for a terminal: two columns a cell, in true colour; digits where ``plain``."""
    drawn = panels(world, batch, row)
    width = 2 * world.width
    lines = ["  ".join(f"{name:<{width}}" for name, _ in drawn)]
    lines += [
        "  ".join("".join(_block(value, plain) for value in grid[i]) for _, grid in drawn)
        for i in range(world.height)
    ]
    return "\n".join(lines)


def _block(value: int, plain: bool) -> str:
    if plain:
        return f" {value}" if value else " ."
    red, green, blue = (int(colour(value)[i : i + 2], 16) for i in (1, 3, 5))
    return f"\x1b[48;2;{red};{green};{blue}m  \x1b[0m"


def png(world: GridsWorld, batch: QuizBatch, row: int, cell: int = 16) -> Image.Image:
    """One quiz as a picture, its grids side by side."""
    side, gap = world.width * cell, cell
    image = Image.new("RGB", (4 * side + 3 * gap, world.height * cell), "white")
    draw = ImageDraw.Draw(image)
    for k, (_, grid) in enumerate(panels(world, batch, row)):
        for (i, j), value in np.ndenumerate(grid):
            x, y = k * (side + gap) + j * cell, i * cell
            draw.rectangle([x, y, x + cell - 2, y + cell - 2], fill=colour(int(value)))
    return image


def svg(
    world: GridsWorld,
    batch: QuizBatch,
    row: int,
    overlay: NDArray[np.float32] | None = None,
    wrong: NDArray[np.bool_] | None = None,
) -> str:
    """One quiz as inline SVG.

    overlay: float32 [T] in 0..1, drawn as a dot whose area is the value. wrong: bool [T],
    cells crossed out. The last grid, the answer, is outlined.
    """
    drawn = panels(world, batch, row)
    side, tall = world.width * CELL, world.height * CELL
    size = 4 * side + 3 * GAP, tall + HEAD
    shapes = []
    for k, (name, grid) in enumerate(drawn):
        x = k * (side + GAP)
        shapes.append(f'<text x="{x}" y="8" font-size="8" fill="#666">{escape(name)}</text>')
        shapes.append(f'<g transform="translate({x} {HEAD})">{_cells(grid)}')
        cells = slice(k * (1 + world.cells) + 1, (k + 1) * (1 + world.cells))
        if overlay is not None:
            shapes.append(_dots(overlay[cells], world.width))
        if wrong is not None:
            shapes.append(_crosses(wrong[cells], world.width))
        if k == 3:
            shapes.append(_outline(side, tall))
        shapes.append("</g>")
    label = f"Quiz of four grids: {', '.join(name for name, _ in drawn)}"
    return (
        f'<svg class="quiz" role="img" aria-label="{escape(label)}" width="{size[0]}" '
        f'height="{size[1]}" viewBox="0 -1 {size[0] + 1} {size[1] + 2}">{"".join(shapes)}</svg>'
    )


def _cells(grid: NDArray[np.uint8]) -> str:
    """A background, then one rectangle for every run of equal cells in a row."""
    height, width = grid.shape
    shapes = [f'<path fill="{PALETTE[0]}" d="M0 0h{width * CELL}v{height * CELL}H0z"/>']
    for value in np.unique(grid[grid > 0]):
        runs = []
        for i in range(height):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], grid[i] == value, [0]])))
            for start, stop in edges.reshape(-1, 2):
                runs.append(
                    f"M{start * CELL} {i * CELL}h{(stop - start) * CELL}v{CELL}H{start * CELL}z"
                )
        shapes.append(f'<path fill="{colour(int(value))}" d="{"".join(runs)}"/>')
    grid_lines = "".join(f"M{j * CELL} 0v{height * CELL}" for j in range(1, width))
    grid_lines += "".join(f"M0 {i * CELL}h{width * CELL}" for i in range(1, height))
    return "".join(shapes) + f'<path stroke="#fff" stroke-width=".6" d="{grid_lines}"/>'


def _dots(values: NDArray[np.float32], width: int) -> str:
    dots = []
    for cell in np.flatnonzero(values > 0.02):
        i, j = divmod(int(cell), width)
        radius = 0.45 * CELL * float(np.sqrt(values[cell]))
        dots.append(
            f'<circle cx="{(j + 0.5) * CELL:g}" cy="{(i + 0.5) * CELL:g}" r="{radius:.1f}"/>'
        )
    return f'<g fill="#000" stroke="#fff" stroke-width=".8">{"".join(dots)}</g>' if dots else ""


def _crosses(wrong: NDArray[np.bool_], width: int) -> str:
    strokes = []
    for cell in np.flatnonzero(wrong):
        i, j = divmod(int(cell), width)
        strokes.append(f"M{j * CELL + 2} {i * CELL + 2}l6 6m0-6l-6 6")
    if not strokes:
        return ""
    path = "".join(strokes)
    return (
        f'<path fill="none" stroke="#fff" stroke-width="2.6" d="{path}"/>'
        f'<path fill="none" stroke="#000" stroke-width="1.2" d="{path}"/>'
    )


def _outline(side: int, tall: int) -> str:
    return f'<path fill="none" stroke="#444" d="M0 0h{side}v{tall}H0z"/>'


def drawing(world: GridsWorld) -> Drawing:
    """What a program needs to draw quizzes like these by itself."""
    values = range(world.colours + 1)
    return Drawing(
        parts=tuple(NAMES.values()),
        starts=world.codec.starts,
        height=world.height,
        width=world.width,
        palette=tuple(colour(value) for value in values),
        words=tuple(word(value) for value in values),
    )
