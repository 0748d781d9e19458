"""How sequences look: rows and columns of coloured cells, drawn as text, as SVG, and by scripts.

A world says what its pieces are and what its token values look like; everything else is drawn
from that, here and in the report's script, so that no world draws for itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

CELL, GAP, HEAD = 10, 8, 11
MARKS = {
    "glyph": 0.75,
    "baseline": 0.77,
    "dot": 0.45,
    "inset": 0.2,
    "rise": 1.6,
    "letter": 0.45,
    "gap": 0.3,
    "line": 24,
}
"""Sizes of what is drawn on a cell, in cells, for this file and for the report's script: a letter
and the height of its foot, the radius of the largest dot, the room around a cross, and the room
above a row for the path that it climbs. Of prose, the widths of a letter, of an empty cell and of a
line."""
NAME = 'y="8" font-size="8" fill="#666"'
INK = {"plain": ("#000", "#000"), "written": ("#ff8c42", "#d55e00")}
"""Colours of dots and crosses: on plain cells, and below letters, which stay legible on them."""


@dataclass(frozen=True)
class Piece:
    """A piece of a sequence, seen as rows of cells.

    name: what it is called. start: where its cells begin among the T tokens in layout 0; they go
    row by row.
    """

    name: str
    start: int
    rows: int
    columns: int

    @property
    def cells(self) -> NDArray[np.int64]:
        """int64 [rows * columns]: the positions of its cells in layout 0."""
        return self.start + np.arange(self.rows * self.columns)


@dataclass(frozen=True)
class View:
    """The pieces of a sequence and the looks of the values 0, 1, ... that stand in their cells.

    pieces: in the order of layout 0. palette: the colour of each value as #rrggbb. glyphs: what is
    written on a cell of that value, "" for nothing. words: what the value is called. about: what a
    sequence shows, a sentence, "" where the pieces say enough. piece: what a piece is called.
    climbs: how far up each value leads, for a path above a piece of one row; () draws none. prose:
    a cell is a word, as wide as it is long, and a piece is lines of them, one below the other.
    """

    pieces: tuple[Piece, ...]
    palette: tuple[str, ...]
    glyphs: tuple[str, ...]
    words: tuple[str, ...]
    about: str = ""
    piece: str = "part"
    climbs: tuple[int, ...] = ()
    prose: bool = False

    def colour(self, value: int) -> str:
        """The colour of a cell; white for a value of no cell, which an agent may write."""
        return self.palette[value] if value < len(self.palette) else "#ffffff"

    def glyph(self, value: int) -> str:
        """What is written on a cell."""
        return self.glyphs[value] if value < len(self.glyphs) else ""

    def panels(
        self,
        tokens: NDArray[np.unsignedinteger],
        order: tuple[int, ...],
        overlay: NDArray[np.float32] | None = None,
        wrong: NDArray[np.bool_] | None = None,
    ) -> list[Panel]:
        """The pieces of one sequence in an order, the last outlined as the answer.

        tokens: [T]. overlay: float32 [T] in 0..1. wrong: bool [T]. All as in layout 0.
        """
        return [
            Panel(
                piece.name,
                tokens[piece.cells].reshape(piece.rows, piece.columns),
                self,
                None if overlay is None else overlay[piece.cells],
                None if wrong is None else wrong[piece.cells],
                outlined=slot == len(order) - 1,
            )
            for slot, piece in enumerate(self.pieces[part] for part in order)
        ]


@dataclass(frozen=True)
class Panel:
    """A piece to draw. values: [rows, columns]. overlay: [rows * columns] in 0..1; wrong: bool."""

    name: str
    values: NDArray[np.unsignedinteger]
    view: View
    overlay: NDArray[np.float32] | None = None
    wrong: NDArray[np.bool_] | None = None
    outlined: bool = False

    @property
    def inks(self) -> tuple[str, str]:
        """Colours of its dots and crosses."""
        return INK["written" if any(self.view.glyphs) else "plain"]

    @property
    def rise(self) -> float:
        """Room above its cells for the path that they climb, in units of the SVG."""
        return MARKS["rise"] * CELL if self.view.climbs else 0.0

    @cached_property
    def boxes(self) -> NDArray[np.float64]:
        """[rows * columns, 3]: left edge, top and width of each cell, in units of the SVG."""
        if self.view.prose:
            return self._lines()
        row, column = np.indices(self.values.shape).reshape(2, -1)
        boxes = np.stack([column, row, np.ones_like(row)], axis=1) * CELL
        return boxes.astype(np.float64)

    def _lines(self) -> NDArray[np.float64]:
        boxes, x, y = [], 0.0, 0.0
        for value in self.values.ravel().tolist():
            letters = len(self.view.glyph(value))
            width = CELL * (MARKS["letter"] * (letters + 1) if letters else MARKS["gap"])
            if x + width > MARKS["line"] * CELL:
                x, y = 0.0, y + CELL
            boxes.append((x, y, width))
            x += width
        return np.array(boxes)

    @property
    def width(self) -> int:
        """Of its cells, in units of the SVG."""
        return math.ceil((self.boxes[:, 0] + self.boxes[:, 2]).max())

    @property
    def height(self) -> int:
        """Of its cells, in units of the SVG."""
        return int(self.boxes[:, 1].max()) + CELL


def draw_text(panels: list[Panel], plain: bool) -> str:
    """Panels side by side for a terminal: two columns a cell, in true colour unless ``plain``.

    Of prose the words alone.
    """
    if panels[0].view.prose:
        return _prose(panels, plain)
    widths = [max(2 * panel.values.shape[1], len(panel.name)) for panel in panels]
    pairs = list(zip(panels, widths, strict=True))
    lines = ["  ".join(f"{panel.name:<{width}}" for panel, width in pairs)]
    for i in range(max(panel.values.shape[0] for panel in panels)):
        line = []
        for panel, width in pairs:
            cells = panel.values[i] if i < len(panel.values) else panel.values[0, :0]
            blocks = "".join(_block(panel.view, int(value), plain) for value in cells)
            line.append(blocks + " " * (width - 2 * len(cells)))
        lines.append("  ".join(line))
    return "\n".join(lines)


def _prose(panels: list[Panel], plain: bool) -> str:
    """Names of panels, and below each its words."""
    heads, texts = [], []
    for panel in panels:
        values = panel.values.ravel().tolist()
        words = [value for value in values if panel.view.glyph(value)]
        text = " ".join(_word(panel.view, value, plain) for value in words)
        long = len(" ".join(map(panel.view.glyph, words)))
        width = max(long, len(panel.name))
        heads.append(f"{panel.name:<{width}}")
        texts.append(text + " " * (width - long))
    return "\n".join("  ".join(line) for line in (heads, texts))


def _word(view: View, value: int, plain: bool) -> str:
    return view.glyph(value) if plain else _coloured(view, value, view.glyph(value))


def _block(view: View, value: int, plain: bool) -> str:
    glyph = view.glyph(value)
    if plain:
        return f"{glyph[:2]:>2}" if glyph else f" {value or '.'}"
    return _coloured(view, value, f"{glyph[:2]:>2}")


def _coloured(view: View, value: int, text: str) -> str:
    """A text on the colour of a value."""
    red, green, blue = (int(view.colour(value)[i : i + 2], 16) for i in (1, 3, 5))
    ink = "\x1b[30m" if text.strip() else ""
    return f"\x1b[48;2;{red};{green};{blue}m{ink}{text}\x1b[0m"


def draw_svg(panels: list[Panel]) -> str:
    """Panels side by side as inline SVG.

    A dot's area is the overlay's value; wrong cells are crossed out; the answer is outlined.
    """
    width = sum(panel.width for panel in panels) + GAP * (len(panels) - 1)
    top = HEAD + panels[0].rise
    height = max(panel.height for panel in panels) + top
    shapes, x = [], 0
    for panel in panels:
        shapes.append(f'<text class="name" x="{x}" {NAME}>{escape(panel.name)}</text>')
        shapes.append(f'<g transform="translate({x} {top:g})">{_cells(panel)}{_path(panel)}')
        if panel.overlay is not None:
            shapes.append(_dots(panel.overlay, panel))
        if panel.wrong is not None:
            shapes.append(_crosses(panel.wrong, panel))
        shapes.append(_glyphs(panel))
        if panel.outlined:
            shapes.append(_outline(panel.width, panel.height))
        shapes.append("</g>")
        x += panel.width + GAP
    label = f"Quiz: {', '.join(panel.name for panel in panels)}"
    return (
        f'<svg class="quiz" role="img" aria-label="{escape(label)}" width="{width}" '
        f'height="{height:g}" viewBox="0 -1 {width + 1} {height + 2:g}">{"".join(shapes)}</svg>'
    )


def _cells(panel: Panel) -> str:
    """A background, then one rectangle for every run of equal cells in a row, or every word."""
    values, view = panel.values, panel.view
    height, width = values.shape
    shapes = [f'<path fill="{view.palette[0]}" d="M0 0h{panel.width}v{panel.height}H0z"/>']
    if view.prose:
        return "".join([*shapes, *_words(panel)])
    for value in np.unique(values[values > 0]):
        runs = []
        for i in range(height):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], values[i] == value, [0]])))
            for start, stop in edges.reshape(-1, 2):
                runs.append(
                    f"M{start * CELL} {i * CELL}h{(stop - start) * CELL}v{CELL}H{start * CELL}z"
                )
        shapes.append(f'<path fill="{view.colour(value)}" d="{"".join(runs)}"/>')
    lines = "".join(f"M{j * CELL} 0v{height * CELL}" for j in range(1, width))
    lines += "".join(f"M0 {i * CELL}h{width * CELL}" for i in range(1, height))
    shapes.append(f'<path stroke="#fff" stroke-width=".6" d="{lines}"/>')
    return "".join(shapes)


def _words(panel: Panel) -> list[str]:
    """A rectangle for every word, with room between them."""
    cells = zip(panel.values.ravel().tolist(), panel.boxes.tolist(), strict=True)
    colour, tall = panel.view.colour, CELL - 1
    return [
        f'<path fill="{colour(value)}" d="M{x:g} {y:g}h{w - 1:g}v{tall}h{1 - w:g}z"/>'
        for value, (x, y, w) in cells
        if panel.view.glyph(value)
    ]


def _path(panel: Panel) -> str:
    """Above a row, how high it has climbed after each cell, and the height where it began."""
    if not panel.rise or len(panel.values) > 1:
        return ""
    climbs = panel.view.climbs
    steps = [climbs[v] if v < len(climbs) else 0 for v in panel.values[0].tolist()]
    moved = np.flatnonzero(steps)
    if not len(moved):
        return ""
    heights = np.cumsum([0, *steps[: moved[-1] + 1]])
    unit = min(CELL / 2, (panel.rise - 2) / (heights.max() - heights.min()))
    ys = -1 - (heights - heights.min()) * unit
    line = "L".join(f"{j * CELL} {y:.4g}" for j, y in enumerate(ys))
    return (
        f'<path fill="none" stroke="#aaa" stroke-width=".6" d="M0 {ys[0]:.4g}h{panel.width}"/>'
        f'<path fill="none" stroke="#222" stroke-width="1.2" d="M{line}"/>'
    )


def _glyphs(panel: Panel) -> str:
    foot = MARKS["baseline"]
    cells = zip(panel.values.ravel().tolist(), panel.boxes.tolist(), strict=True)
    written = [
        f'<text x="{x + w / 2:g}" y="{y + foot * CELL:g}">{escape(glyph)}</text>'
        for value, (x, y, w) in cells
        if (glyph := panel.view.glyph(value))
    ]
    if not written:
        return ""
    size = MARKS["glyph"] * CELL
    return f'<g font-size="{size:g}" text-anchor="middle" fill="#222">{"".join(written)}</g>'


def _dots(values: NDArray[np.float32], panel: Panel) -> str:
    dots = []
    for cell in np.flatnonzero(values > 0.02):
        x, y, w = panel.boxes[cell]
        radius = MARKS["dot"] * CELL * float(np.sqrt(values[cell]))
        dots.append(f'<circle cx="{x + w / 2:g}" cy="{y + CELL / 2:g}" r="{radius:.1f}"/>')
    if not dots:
        return ""
    return f'<g fill="{panel.inks[0]}" stroke="#fff" stroke-width=".8">{"".join(dots)}</g>'


def _crosses(wrong: NDArray[np.bool_], panel: Panel) -> str:
    strokes = []
    inset = MARKS["inset"] * CELL
    arm = CELL - 2 * inset
    for cell in np.flatnonzero(wrong):
        x, y, w = panel.boxes[cell]
        start = f"M{x + w / 2 - arm / 2:g} {y + inset:g}"
        strokes.append(f"{start}l{arm:g} {arm:g}m0-{arm:g}l-{arm:g} {arm:g}")
    if not strokes:
        return ""
    path = "".join(strokes)
    return (
        f'<path fill="none" stroke="#fff" stroke-width="2.6" d="{path}"/>'
        f'<path fill="none" stroke="{panel.inks[1]}" stroke-width="1.2" d="{path}"/>'
    )


def _outline(width: int, height: int) -> str:
    return f'<path fill="none" stroke="#444" d="M0 0h{width}v{height}H0z"/>'


def draw_png(panels: list[Panel], cell: int = 16) -> Image.Image:
    """Panels side by side as a picture."""
    from PIL import Image, ImageDraw  # seldom needed

    scale = cell / CELL
    height = round(max(panel.height for panel in panels) * scale)
    width = round(sum(panel.width * scale + cell for panel in panels) - cell)
    image = Image.new("RGB", (width, height), "white")
    draw, left = ImageDraw.Draw(image), 0.0
    for panel in panels:
        for value, box in zip(panel.values.ravel().tolist(), panel.boxes * scale, strict=True):
            x, y, w = (left + box[0], box[1], box[2])
            draw.rectangle([x, y, x + w - 2, y + cell - 2], fill=panel.view.colour(value))
            place = (x + w / 2 - 1, y + cell / 2 - 1)
            draw.text(place, panel.view.glyph(value), fill="#222222", anchor="mm")
        left += panel.width * scale + cell
    return image
