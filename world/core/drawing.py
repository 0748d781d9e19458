"""What a program needs to draw the quizzes of a world by itself, such as the script of a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Drawing:
    """Quizzes whose P parts are rows and columns of coloured cells.

    parts: [P], how each is called, in the order of layout 0. starts: [P], where its cells begin
    among the T tokens of a quiz in layout 0; they go row by row. height, width: of every part,
    in cells. palette: the colour of each value of a cell as #rrggbb. words: what it is called.
    """

    parts: tuple[str, ...]
    starts: tuple[int, ...]
    height: int
    width: int
    palette: tuple[str, ...]
    words: tuple[str, ...]
