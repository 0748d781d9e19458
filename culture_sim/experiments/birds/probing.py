"""What can be read off an agent of each bird: its place, its heading, whether it will bounce.

It is looked for at two moments: when the last cell of a bird in the given frame was read, by which
its shape is told, and when the first cell of it in the answer is about to be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool
from numpy.typing import NDArray

from agents.circuits.probes import ProbeOptions, Target, probe_sites, residual_sites
from agents.circuits.probes.targets import Kind, Token
from agents.model import AgentModel, build_model
from culture_sim.experiments.findings import row
from world import QuizBatch, Stream
from world.birds import BirdsWorld
from world.birds.codec import CONTEXT

READ, WRITTEN = "its last cell is read", "its first cell is about to be written"
"""Moments of a bird: in the given frame, in the answer."""
KINDS: dict[str, Kind] = {
    "head row": "number",
    "head column": "number",
    "heading": "class",
    "will bounce": "class",
}
"""What is read, of the bird in the frame that the moment belongs to; the last of the flight."""
METRICS = ("r2", "balanced_accuracy")
OPTIONS = ProbeOptions(folds=3, permutations=1, resamples=100)
Mask = Bool[NDArray[np.bool_], "n T"]


def probing_rows(
    model: AgentModel, world: BirdsWorld, count: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Rows of results: R2 of numbers and balanced accuracy of classes, by target, moment and site.

    probe: the agent; or a control: "untrained", "shuffled" (labels), "position" (alone); or the
    agent "less" one of these. count: quizzes that it reads forward; folds are of whole quizzes.
    Intervals are a bootstrap over quizzes.
    """
    batch = world.arrange(world.draw(Stream(seed, "birds-probed"), 0, count, "test"), 0)
    untrained = build_model(model.config, world, seed).eval().requires_grad_(False)
    for moment, targets, place in moments(world, batch):
        table = probe_sites(
            model,
            batch,
            targets,
            sites=residual_sites(model),
            places={moment: place},
            groups=world.canonical_hash(batch),
            untrained=untrained,
            options=OPTIONS,
        )
        yield from _rows(table)


def moments(world: BirdsWorld, batch: QuizBatch) -> Iterator[tuple[str, list[Target], Mask]]:
    """Both moments, with what is true at them and the positions at which they are."""
    given = world.part_of(batch) == CONTEXT
    answer = world.answer_mask(batch)
    last = _each(batch.tokens[:, ::-1], given[:, ::-1], world.colours)[:, ::-1]
    first = _each(batch.tokens, answer, world.colours)
    asked: tuple[tuple[str, Token, Mask], ...] = ((READ, "read", last), (WRITTEN, "next", first))
    labels = world.labels(batch)
    values = {
        "head row": labels["head_row"],
        "head column": labels["head_column"],
        "heading": labels["heading"],
        "will bounce": np.where(labels["walls"] < 0, -1, labels["walls"] > 0),
    }
    for moment, token, cells in asked:
        targets = [
            Target.of_tokens(
                name, kind, np.where(cells & (values[name] >= 0), values[name], np.nan), token
            )
            for name, kind in KINDS.items()
        ]
        # A cell is read at the position after its own.
        yield moment, targets, np.roll(cells, 1, axis=1) if token == "read" else cells


def _each(tokens: NDArray[np.unsignedinteger], where: Mask, colours: int) -> Mask:
    """The first token of every colour among those ``where``."""
    found = np.zeros(tokens.shape, dtype=np.bool_)
    for colour in range(1, colours + 1):
        own = where & (tokens == colour)
        rows = np.flatnonzero(own.any(axis=1))
        found[rows, own[rows].argmax(axis=1)] = True
    return found


def _rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    chosen = table[(table["split"] == "folds") & table["metric"].isin(METRICS)]
    for each in chosen.to_dict("records"):
        less = f" less {each['minus']}" if each["minus"] else ""
        yield row(
            each["metric"],
            each["value"],
            by="target",
            group=each["target"],
            interval=(each["low"], each["high"]),
            support=each["tokens"],
            site=each["site"],
            place=each["place"],
            probe=f"{each['probe']}{less}",
        )
