"""The explorer of features: every compared feature and family, found by what it means or does.

The page draws everything itself. It reads a small part that lists all features, and then, when
one is opened, the part that holds its details; parts that would make the page heavy lie beside it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
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


class Medium(ABC):
    """How the page shows what excites features: T tokens of a quiz or a text.

    values: token values that features may promote or suppress.
    """

    values: int = 0

    @property
    @abstractmethod
    def index(self) -> Tree:
        """What the page's script must know of it."""

    @abstractmethod
    def quizzes(self, quizzes: pd.DataFrame) -> Tree:
        """What is said of each that is shown, lists by name."""

    def columns(self, quizzes: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Arrays of all that are shown, by name."""
        return {}

    def placed(self, lines: NDArray[np.uint8], quizzes: pd.DataFrame) -> NDArray[np.uint8]:
        """uint8 [n, cells]: of activations [n, T] on quizzes, a row each, those that are shown, in
        the order of the page."""
        return lines


@dataclass(frozen=True)
class Drawings(Medium):
    """Quizzes of a world, drawn in layout 0; and the layout that agents read them in."""

    world: World

    @property
    def values(self) -> int:  # type: ignore[override]
        """Values that stand in cells."""
        return len(self.world.view.words)

    @property
    def index(self) -> Tree:
        """The orders of pieces."""
        return {"texts": False, "orders": part_orders(self.world, range(len(self.world.layouts)))}

    def quizzes(self, quizzes: pd.DataFrame) -> Tree:
        """Their tokens, layout and task."""
        layout = quizzes.layout.to_numpy(np.uint8)
        tokens = np.stack(quizzes.tokens.to_list()).astype(np.uint8)
        return {
            "tokens": written(self._forward(tokens, layout)),
            "layout": layout.tolist(),
            "task": _names(quizzes.task),
        }

    def placed(self, lines: NDArray[np.uint8], quizzes: pd.DataFrame) -> NDArray[np.uint8]:
        """In layout 0, without labels."""
        cells = np.concatenate([piece.cells for piece in self.world.view.pieces])
        return self._forward(lines, quizzes.layout.to_numpy(np.uint8))[:, cells]

    def _forward(self, values: NDArray[np.uint8], layout: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 [B, T]: a value for each token of quizzes, put where layout 0 has that token."""
        task = np.full(len(values), UNKNOWN_TASK, dtype=np.int16)
        return self.world.arrange(QuizBatch(values, layout, task), 0).tokens


def _names(tasks: pd.Series) -> list[str | None]:
    return [None if pd.isna(task) else str(task) for task in tasks]


@dataclass(frozen=True)
class Passages(Medium):
    """Stretches of texts. places: by token id, its place among the words that the page knows; gaps:
    whether words need a gap between them."""

    places: Mapping[int, int]
    gaps: bool

    @property
    def index(self) -> Tree:
        """That there are texts."""
        return {"texts": True, "orders": [], "gaps": self.gaps}

    def quizzes(self, quizzes: pd.DataFrame) -> Tree:
        """Where they are, and the kind of their document."""
        return {
            "task": _names(quizzes.task),
            "document": quizzes.document.tolist(),
            "position": quizzes.position.tolist(),
        }

    def columns(self, quizzes: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Their words, -1 for none."""
        tokens = np.stack(quizzes.tokens.to_list())
        known = np.array(sorted(self.places), dtype=np.int64)
        places = np.array([self.places[token] for token in known.tolist()], dtype=np.int32)
        found = places[np.minimum(np.searchsorted(known, tokens), len(known) - 1)]
        return {"contexts": np.where(tokens < 0, np.int32(-1), found)}


@dataclass(frozen=True)
class Explorer:
    """index: what the page's script reads first. inside: parts in the page, beside: parts in a
    folder next to it, both JSON by name. called: what is compared, in a word."""

    index: Markup
    inside: dict[str, Markup]
    beside: dict[str, Markup]
    called: str = "agent"


def explorer(run: Run, comparisons: Mapping[Path, Tree]) -> Explorer | None:
    """Everything the explorer of a run shows; None where nothing can be shown.

    comparisons: their summaries, by folder. The first is in the page, if its details are not too
    large; the others are always beside it. Raises UserError when a table is damaged.
    """
    name = run.path.name
    found = [(read_tables(folder, name), tree) for folder, tree in comparisons.items()]
    shown = [(tables, tree) for tables, tree in found if tables is not None]
    if not shown:
        return None
    names = {agent: f"agent {agent}" for agent in run.agents}
    return explore(shown, Drawings(run.config.world), names, "agent")


def explore(
    shown: Sequence[tuple[Tables, Tree]], medium: Medium, names: Mapping[int, str], called: str
) -> Explorer:
    """The explorer of some comparisons, with their summaries.

    names: of what is compared, by number. called: what it is, in a word.
    """
    inside: dict[str, Markup] = {}
    beside: dict[str, Markup] = {}
    for number, (tables, tree) in enumerate(shown):
        listing = embed(_listing(tables, tree, medium))
        details = {f"{number}-{k}": part for k, part in _details(tables, medium)}
        (beside if number else inside)[str(number)] = listing
        small = not number and sum(map(len, details.values())) <= INSIDE
        (inside if small else beside).update(details)
    index = {
        "called": called,
        "agents": [
            {"number": number, "name": name, "colour": line_colour(number)}
            for number, name in names.items()
        ],
        "comparisons": [f"{tree['site']}, {tree['dictionary']}" for _, tree in shown],
        "part": PART,
        "quizzes": QUIZZES,
        "binsPerOctave": BINS_PER_OCTAVE,
        "origins": ORIGINS,
        "times": TIMES,
        **medium.index,
    }
    return Explorer(embed(index), inside, beside, called)


def write_parts(folder: Path, parts: dict[str, Markup]) -> None:
    """Write the parts that lie beside the page, and remove those of an earlier report."""
    for old in folder.glob("*.js"):
        old.unlink()
    for name, part in parts.items():
        with replacing(folder / f"{name}.js") as aside:
            aside.write_text(f'{CALLED}("{name}",{part});\n', "utf-8")


# The list: a value of each feature or family in every column.


def _listing(tables: Tables, summary: Tree, medium: Medium) -> Tree:
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
        **medium.columns(tables.quizzes),
    }
    return {
        "agents": [int(agent) for agent in summary["agents"]],
        "kinds": list(tables.kinds),
        "null": summary["null"].replace("_", " "),
        "tokens": summary["tokens"],
        "tasks": _tasks(tables),
        "texts": texts.all,
        "quizzes": medium.quizzes(tables.quizzes),
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


# The details: what is shown of a feature or a family that is opened.


def _details(tables: Tables, medium: Medium) -> Iterator[tuple[str, Markup]]:
    """Parts by name: "f0", "f1" and so on of features, "g0" and so on of families."""
    length = len(tables.quizzes.tokens.iloc[0])

    def lines(blobs: Sequence[bytes], shown: NDArray[np.int64], members: int) -> NDArray[np.uint8]:
        """[B, members, QUIZZES, cells]: activations where the page shows them."""
        found = np.stack([np.frombuffer(blob, np.uint8) for blob in blobs]).reshape(-1, length)
        order = np.repeat(np.where(shown < 0, 0, shown)[:, None], members, axis=1).ravel()
        placed = np.ascontiguousarray(medium.placed(found, tables.quizzes.iloc[order]))
        return placed.reshape(-1, members, QUIZZES, placed.shape[1])

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
            columns["logits"] = np.stack(rows.logits.to_list()).astype(np.float32)[
                :, : medium.values
            ]
        yield f"f{k}", embed({name: packed(column) for name, column in columns.items()})
    agents = tables.members.shape[1]
    for k, start in enumerate(range(0, len(tables.families), PART)):
        blobs = tables.family_blobs(start, start + PART, QUIZZES * length)
        shown = tables.family_shown[start:][:PART]
        yield f"g{k}", embed({"activations": packed(lines(blobs, shown, agents))})
