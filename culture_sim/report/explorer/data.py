"""The explorer of features: every compared feature and family, found by what it means or does.

The page draws everything itself. It reads a small part that lists all features, and then, when
one is opened, the part that holds its details; parts that would make the page heavy lie beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from culture_sim.features.on_culture.figures import TIMES
from culture_sim.report.explorer.effects import INTERVAL
from culture_sim.report.explorer.tables import ORIGINS, Occurrence, Tables, read_tables
from culture_sim.report.page.charts import line_colour
from culture_sim.report.shared.blobs import embed, packed, part_orders, written
from culture_sim.run.run import Run
from sae.comparison.examples import BINS_PER_OCTAVE, QUIZZES
from world import UNKNOWN_TASK, QuizBatch, World
from world.core.files import replacing

INSIDE = 12_000_000
"""Characters of details that the page itself may hold; the report stays below 20 MB."""
PART = 512
"""Features, or families, whose details are one part."""
CALLED = "cultureExplorer"
"""The function that a part beside the page calls with its name and what it holds."""
Tree = dict[str, Any]


@dataclass(frozen=True)
class Explorer:
    """index: what the page's script reads first. inside: parts in the page, beside: parts in a
    folder next to it, both JSON by name."""

    index: Markup
    inside: dict[str, Markup]
    beside: dict[str, Markup]


def explorer(run: Run, comparisons: Mapping[Path, Tree]) -> Explorer | None:
    """Everything the explorer of a run shows; None where nothing can be shown.

    comparisons: their summaries, by folder. The first is in the page, if its details are not too
    large; the others are always beside it. Raises UserError when a table is damaged.
    """
    world = run.config.world
    name = run.path.name
    found = [(read_tables(folder, name), tree) for folder, tree in comparisons.items()]
    shown = [(tables, tree) for tables, tree in found if tables is not None]
    if not shown:
        return None
    inside: dict[str, Markup] = {}
    beside: dict[str, Markup] = {}
    for number, (tables, tree) in enumerate(shown):
        listing = embed(_listing(tables, tree, world))
        details = {f"{number}-{k}": part for k, part in _details(tables, world)}
        (beside if number else inside)[str(number)] = listing
        small = not number and sum(map(len, details.values())) <= INSIDE
        (inside if small else beside).update(details)
    return Explorer(embed(_index(run, [tree for _, tree in shown])), inside, beside)


def write_parts(folder: Path, parts: dict[str, Markup]) -> None:
    """Write the parts that lie beside the page, and remove those of an earlier report."""
    for old in folder.glob("*.js"):
        old.unlink()
    for name, part in parts.items():
        with replacing(folder / f"{name}.js") as aside:
            aside.write_text(f'{CALLED}("{name}",{part});\n', "utf-8")


def _index(run: Run, summaries: Sequence[Tree]) -> Tree:
    world = run.config.world
    return {
        "orders": part_orders(world, range(len(world.layouts))),
        "agents": [{"number": agent, "colour": line_colour(agent)} for agent in run.agents],
        "comparisons": [f"{tree['site']}, {tree['dictionary']}" for tree in summaries],
        "part": PART,
        "quizzes": QUIZZES,
        "binsPerOctave": BINS_PER_OCTAVE,
        "origins": ORIGINS,
        "times": TIMES,
    }


# The list: a value of each feature or family in every column.


def _listing(tables: Tables, summary: Tree, world: World) -> Tree:
    """All that is searched, filtered and sorted by; F features, M families, A agents."""
    features, families = tables.features, tables.families
    texts = _Texts()
    columns = {
        "agent": features.agent.to_numpy(np.uint8),
        "feature": features.feature.to_numpy(np.uint32),
        "frequency": tables.frequency.astype(np.float32),
        "name": texts.of(features.name),
        "candidate": texts.of(features.candidate),
        "f1": features.f1.to_numpy(np.float32),
        "concepts": texts.of_lists(tables.concepts),
        "conceptF1": np.rint(100 * np.nan_to_num(tables.concept_f1)).astype(np.uint8),
        "match": tables.match.astype(np.int32),
        "r": tables.r.astype(np.float32),
        "nullR": tables.null_r.astype(np.float32),
        "kind": tables.kind.astype(np.uint8),
        "shown": tables.shown.astype(np.int32),
        **_ablated(tables),
        **_occurring(tables.occurrence),
        "members": tables.members.astype(np.int32),
        "familyR": families.mean_r.to_numpy(np.float32),
        "familyExcess": families.mean_excess.to_numpy(np.float32),
        "consistency": families.consistency.to_numpy(np.float32),
        "familyName": texts.of(families.name),
        "familyCandidate": texts.of(families.candidate),
        "familyF1": families.name_f1.to_numpy(np.float32),
        "familyShown": tables.family_shown.astype(np.int32),
    }
    return {
        "agents": [int(agent) for agent in summary["agents"]],
        "kinds": list(tables.kinds),
        "null": summary["null"].replace("_", " "),
        "tokens": summary["tokens"],
        "tasks": _tasks(tables),
        "texts": texts.all,
        "quizzes": _quizzes(tables.quizzes, world),
        "columns": {name: packed(column) for name, column in columns.items()},
    }


def _ablated(tables: Tables) -> dict[str, NDArray[Any]]:
    """Columns of what ablation changes over all tasks, none where it is not known."""
    effects = tables.effects
    if effects is None:
        return {}
    columns = {"accuracy": effects.accuracy[:, 0], "loss": effects.loss}
    families = effects.of_families(tables.families.family)
    if families is not None:
        columns |= {
            "familyAccuracy": families[list(INTERVAL)].to_numpy(np.float64),
            "familyQ": families.q.to_numpy(np.float64),
            "familyLoss": families.loss_change.to_numpy(np.float64),
        }
    return {name: column.astype(np.float32) for name, column in columns.items()}


def _tasks(tables: Tables) -> list[Tree]:
    """What was ablated on, in the order of the details' columns."""
    effects = tables.effects
    if effects is None:
        return []
    counts = effects.quizzes.tolist()
    return [{"name": t, "quizzes": n} for t, n in zip(effects.tasks, counts, strict=True)]


def _occurring(found: Occurrence | None) -> dict[str, NDArray[Any]]:
    """Columns of what agents' own quizzes do to features, none where it is not known."""
    if found is None:
        return {}
    return {
        "onAgents": found.share.astype(np.float32),
        "onWorld": found.share_other.astype(np.float32),
        "onQ": found.q.astype(np.float32),
        "onRatio": found.ratio.astype(np.float32),
        "origins": found.origins.astype(np.uint8),
    }


class _Texts:
    """Sentences that recur, each kept once and named by its place."""

    def __init__(self) -> None:
        self.all: list[str] = [""]
        self._places = {"": 0}

    def of(self, texts: pd.Series) -> NDArray[np.uint32]:
        """uint32, as many as there are texts: their places, 0 for one that is missing."""
        return np.array([self._place(text) for text in texts.fillna("")], dtype=np.uint32)

    def of_lists(self, lists: NDArray[np.object_]) -> NDArray[np.uint32]:
        """The same of an array of strings of any shape."""
        found = [self._place(text) for text in lists.ravel().tolist()]
        return np.array(found, dtype=np.uint32).reshape(lists.shape)

    def _place(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.all)
            self.all.append(text)
        return self._places[text]


def _quizzes(quizzes: pd.DataFrame, world: World) -> Tree:
    """The quizzes that are shown, in layout 0, and the layout that agents read them in."""
    layout = quizzes.layout.to_numpy(np.uint8)
    tokens = np.stack(quizzes.tokens.to_list()).astype(np.uint8)
    tasks = [None if pd.isna(task) else str(task) for task in quizzes.task]
    return {
        "tokens": written(_forward(world, tokens, layout)),
        "layout": layout.tolist(),
        "task": tasks,
    }


def _forward(
    world: World, values: NDArray[np.uint8], layout: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """uint8 [B, T]: a value for each token of quizzes, put where layout 0 has that token."""
    task = np.full(len(values), UNKNOWN_TASK, dtype=np.int16)
    return world.arrange(QuizBatch(values, layout, task), 0).tokens


# The details: what is shown of a feature or a family that is opened.


def _details(tables: Tables, world: World) -> Iterator[tuple[str, Markup]]:
    """Parts by name: "f0", "f1" and so on of features, "g0" and so on of families."""
    layout = tables.quizzes.layout.to_numpy(np.uint8)
    length = len(tables.quizzes.tokens.iloc[0])
    cells = np.concatenate([piece.cells for piece in world.view.pieces])

    def lines(blobs: Sequence[bytes], shown: NDArray[np.int64], members: int) -> NDArray[np.uint8]:
        """[B, members, QUIZZES, cells]: activations in layout 0, without labels."""
        found = np.stack([np.frombuffer(blob, np.uint8) for blob in blobs]).reshape(-1, length)
        order = np.repeat(np.where(shown < 0, 0, shown)[:, None], members, axis=1).ravel()
        placed = _forward(world, found, layout[order])
        return np.ascontiguousarray(placed[:, cells]).reshape(-1, members, QUIZZES, len(cells))

    values = len(world.view.words)
    for k, start in enumerate(range(0, len(tables.features), PART)):
        rows = tables.features.iloc[start : start + PART]
        columns = {
            "activations": lines(rows.activations.to_list(), tables.shown[start:][:PART], 1),
            "histogram": np.stack(rows.histogram.to_list()).astype(np.uint32),
            "maximum": rows.maximum.to_numpy(np.float32),
            "zero": rows.zero.to_numpy(np.float32),
        }
        if tables.effects is not None:
            accuracy = tables.effects.accuracy[start:][:PART]
            columns["accuracy"] = accuracy.astype(np.float32)
        if rows.logits.notna().all():
            columns["logits"] = np.stack(rows.logits.to_list()).astype(np.float32)[:, :values]
        yield f"f{k}", embed({name: packed(column) for name, column in columns.items()})
    agents = tables.members.shape[1]
    for k, start in enumerate(range(0, len(tables.families), PART)):
        blobs = tables.family_blobs(start, start + PART, QUIZZES * length)
        shown = tables.family_shown[start:][:PART]
        yield f"g{k}", embed({"activations": packed(lines(blobs, shown, agents))})
