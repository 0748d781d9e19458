"""What is true at every token of a quiz of birds, and how it is said in plain English."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from world.birds.codec import LAST, LAYOUTS, PARTS, Codec
from world.birds.flight import Sky
from world.birds.reading import read
from world.core.batch import QuizBatch
from world.core.colours import word
from world.core.wording import Wording

MOST_WALLS = 2
"""Walls that are told apart: a bird in a corner meets two in one step, others more only by long
flights."""
LIMBS = ("the head", "the arm above or below the head", "the arm beside the head")
HEADINGS = ("up left", "up right", "down left", "down right")
WALLS = ("no wall", "one wall", "two walls or more")
PHRASES = {
    "part": "is in the {} frame",
    "row": "is in {}",
    "column": "is in {}",
    "place": "is in {}",
    "colour": "is {}",
    "source": "has {} at its place in the frame written before",
    "bird": "is of {} of its frame",
    "limb": "is {} of a bird",
    "heading": "is of a bird that heads {}",
    "head_row": "is of a bird with its head in {}",
    "head_column": "is of a bird with its head in {}",
    "walls": "is of a bird that meets {} between the frames",
    "birds": "is in a frame of {} birds",
    "task": "is of task {}",
    "layout": "is written {}",
}

Cells = NDArray[np.integer]
"""[B, 2, G]: a value for each cell of the first and the last frame."""


def bird_labels(
    codec: Codec, sky: Sky, speed: int, batch: QuizBatch, frames: NDArray[np.unsignedinteger]
) -> dict[str, NDArray[np.int16]]:
    """int16 [B, T] by name; -1 at label tokens and where it has no meaning.

    frames: [B, 2, G], of the batch in layout 0. task, layout: of the whole quiz. part: which frame.
    row, column, and place: both, counted row by row. colour: the cell's. source: the colour at its
    place in the other frame, where that is written before.

    Of the bird that has the cell, -1 on the background and where a colour is no bird. bird: its
    number in the frame, by colour. Where the frame tells its state, too: limb: 0 for the head, 1
    for the arm above or below, 2 for the arm beside it. heading: up left, up right, down left, down
    right. head_row, head_column: where its head is. walls: how many it meets from the first to the
    last frame, at most two. birds: how many the frame has, at every cell of it.
    """
    colour = frames.astype(np.int64)
    shape = colour.shape
    reading = read(sky, frames.reshape(2 * len(batch), sky.cell_count), codec.colours)
    by_frame = (len(batch), len(PARTS), codec.colours)
    is_bird, state = reading.is_bird.reshape(by_frame), reading.state.reshape(by_frame)
    number = np.where(is_bird, is_bird.cumsum(axis=2) - 1, -1)
    row, column = np.divmod(np.arange(codec.cells), codec.width)
    plain: dict[str, Cells] = {
        "task": batch.task[:, None, None],
        "layout": batch.layout[:, None, None],
        "part": np.arange(len(PARTS))[:, None],
        "row": row,
        "column": column,
        "place": np.arange(codec.cells),
        "colour": colour,
        "source": colour[:, ::-1],
        "bird": _of_colour(number, colour),
        **_of_state(sky, speed, _of_colour(state, colour)),
        "birds": is_bird.sum(axis=2)[:, :, None],
    }
    written = {
        name: _written(codec, batch, np.broadcast_to(values, shape))
        for name, values in plain.items()
    }
    before = codec.slots[batch.layout] > 0
    written["source"] = np.where(before, written["source"], np.int16(-1))
    return written


def _of_colour(values: Cells, colour: Cells) -> Cells:
    """[B, 2, G]: at each cell the value [B, 2, C] of its colour; -1 on the background."""
    found = np.take_along_axis(values, np.maximum(colour - 1, 0), axis=2)
    return np.where(colour > 0, found, -1)


def _of_state(sky: Sky, speed: int, state: Cells) -> dict[str, Cells]:
    """What the state of the bird at each cell [B, 2, G] says; -1 where it is -1."""
    start = state.copy()
    start[:, LAST] = sky.after(-speed)[state[:, LAST]]
    cell = np.arange(sky.cell_count)[:, None]
    found = {
        "limb": (sky.cells[state] == cell).argmax(axis=3),
        "heading": sky.heading[state],
        "head_row": sky.states[state, 0],
        "head_column": sky.states[state, 1],
        "walls": np.minimum(sky.walls(speed)[start], MOST_WALLS),
    }
    return {name: np.where(state >= 0, values, -1) for name, values in found.items()}


def _written(codec: Codec, batch: QuizBatch, plain: Cells) -> NDArray[np.int16]:
    """int16 [B, T]: values of cells as the batch has them written, -1 at label tokens."""
    values = np.pad(plain.astype(np.int16), ((0, 0), (0, 0), (1, 0)), constant_values=-1)
    return np.take_along_axis(
        values.reshape(len(batch), codec.seq_len), codec.origins[batch.layout], axis=1
    )


def bird_wording(codec: Codec, tasks: tuple[str, ...]) -> Wording:
    """Words for every label of ``bird_labels``."""
    rows = tuple(f"row {i + 1}" for i in range(codec.height))
    columns = tuple(f"column {j + 1}" for j in range(codec.width))
    colours = tuple(word(value) for value in range(codec.colours + 1))
    values = {
        "part": PARTS,
        "row": rows,
        "column": columns,
        "place": tuple(f"{row} {column}" for row in rows for column in columns),
        "colour": colours,
        "source": colours,
        "bird": tuple(f"bird {k + 1}" for k in range(codec.colours)),
        "limb": LIMBS,
        "heading": HEADINGS,
        "head_row": rows,
        "head_column": columns,
        "walls": WALLS,
        "birds": tuple(str(n) for n in range(codec.colours + 1)),
        "task": tasks,
        "layout": tuple(layout.name for layout in LAYOUTS),
    }
    return Wording("cell", values, PHRASES)
