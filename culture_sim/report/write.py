"""Writes the report: gathers what a run has, fills the template, and joins styles and scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from culture_sim.report.explorer.data import write_parts
from culture_sim.report.page.charts import accuracy_shade, learning_curves, shade
from culture_sim.report.page.gather import gather
from culture_sim.run.run import Run
from world.core.files import replacing

MISSING = "-"
STYLES = (
    "page/style.css",
    "shared/browse.css",
    "gallery/gallery.css",
    "explorer/explorer.css",
)
COMMON = ("shared/draw.js", "shared/browse.js")
GALLERY = tuple(f"gallery/{name}.js" for name in ("gallery_draw", "gallery_detail", "gallery"))
EXPLORER = tuple(
    f"explorer/{name}.js"
    for name in ("explorer_data", "explorer_text", "explorer_detail", "explorer")
)
"""Parts of one script each, in this order; the common one is there once, before the others."""


def write_report(run: Run) -> Path:
    """Write ``report/index.html`` of a run from what its stages left; returns its path.

    A stage that has not run yet is a sentence naming its command. What the page loads only when it
    is asked for is beside it, in ``report/explorer/``.
    """
    found = gather(run)
    page = (
        page_environment()
        .get_template("page/template.html.jinja")
        .render(
            style=joined(STYLES),
            gallery_script=joined(GALLERY),
            shade=shade,
            accuracy_shade=accuracy_shade,
            learning_curves=learning_curves,
            **found,
        )
    )
    path = run.path / "report" / "index.html"
    explored = found["features"] and found["features"]["explorer"]
    write_parts(path.with_name("explorer"), explored.beside if explored else {})
    with replacing(path) as aside:
        aside.write_text(page, "utf-8")
    return path


@cache
def page_environment() -> Environment:
    """What templates of pages are filled in with: filters, and the scripts of the explorer."""
    environment = Environment(
        loader=PackageLoader("culture_sim.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=lambda value, digits=1: MISSING if _none(value) else f"{value:.{digits}%}",
        number=lambda value, digits=2: MISSING if _none(value) else f"{value:.{digits}f}",
        whole=lambda value: MISSING if value is None else f"{value:,}",
    )
    environment.globals.update(common_script=joined(COMMON), explorer_script=joined(EXPLORER))
    return environment


def _none(value: float | None) -> bool:
    """Whether there is no value: figures have NaN where files have null."""
    return value is None or math.isnan(value)


def joined(names: Sequence[str]) -> Markup:
    """Files of this package, one after the other."""
    here = files("culture_sim.report")
    return Markup("\n").join(Markup((here / name).read_text("utf-8")) for name in names)
