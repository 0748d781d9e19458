"""The page of a comparison of anyone's models: its figures, and the explorer with texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from culture_sim.report.explorer.data import Passages, explore, write_parts
from culture_sim.report.explorer.tables import lined_up
from culture_sim.report.page.charts import shade
from culture_sim.report.page.gather import shared_by
from culture_sim.report.shared.blobs import embed
from culture_sim.report.write import joined, page_environment
from sae.streamed.tables import ModelComparison
from world.core.files import replacing
from world.core.view import INK, MARKS

STYLES = ("page/style.css", "shared/browse.css", "explorer/explorer.css")
SPACES = {"Ġ": " ", "▁": " ", "Ċ": "⏎", "\n": "⏎", "\t": "⇥"}
"""How tokenizers write blanks, and how the page does."""


def write_models(found: ModelComparison, folder: Path) -> Path:
    """Write all tables of a comparison and its page into a folder; returns the path of the page.

    What the page loads only when it is asked for is beside it, in ``explorer/``. The tables are
    written before it, so that a page stands for whole tables.
    """
    folder = Path(folder)
    page = folder / "index.html"
    page.unlink(missing_ok=True)
    found.write(folder)
    summary, tables = found.summary, found.tables()
    explorer = None
    words = _words(tables["quizzes"])
    if len(words):  # features that are never above 0 have no contexts to show
        medium = Passages({token: k for k, token in enumerate(words)}, _gaps(words))
        names = dict(enumerate(found.names))
        explorer = explore([(lined_up(tables), summary)], medium, names, "model")
    text = (
        page_environment()
        .get_template("models/template.html.jinja")
        .render(
            features={**summary, **_shades(summary), "shared": shared_by(summary["families"])},
            names=found.names,
            name=" and ".join(found.names)
            if len(found.names) == 2
            else f"{len(found.names)} models",
            explorer=explorer,
            shows="texts",
            drawing=embed(_drawing([_shown(word) for word in words.values()])),
            style=joined(STYLES),
            shade=shade,
        )
    )
    write_parts(folder / "explorer", explorer.beside if explorer else {})
    with replacing(page) as aside:
        aside.write_text(text, "utf-8")
    return page


def _words(contexts: pd.DataFrame) -> dict[int, str]:
    """By token id, the words of all contexts."""
    words: dict[int, str] = {}
    for tokens, of in zip(contexts.tokens, contexts.words, strict=True):
        words.update(zip(tokens.tolist(), of, strict=True))
    words.pop(-1, None)
    return dict(sorted(words.items()))


def _shown(word: str) -> str:
    return "".join(SPACES.get(letter, letter) for letter in word)


def _gaps(words: dict[int, str]) -> bool:
    """Whether words hold no blanks of their own."""
    return not any(letter.isspace() for word in words.values() for letter in _shown(word))


def _drawing(words: list[str]) -> dict[str, Any]:
    """What the page's scripts draw with: nothing but words."""
    return {
        "pieces": [],
        "palette": [],
        "glyphs": [],
        "words": words,
        "climbs": [],
        "prose": True,
        "unit": "token",
        "example": 0,
        "marks": MARKS,
        "inks": INK["written"],
    }


def _shades(summary: dict[str, Any]) -> dict[str, float]:
    """Between which correlations the matrix is shaded."""
    r = np.array(summary["matrices"]["r"], dtype=np.float64)
    known = r[np.isfinite(r)]
    return {"low": 0.0, "high": float(known.max()) if known.size else 1.0}
