"""The page of an experiment: one HTML file with its figures in it, and these as files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from culture_sim.experiments.base import Experiment
from culture_sim.experiments.findings import Findings, Plot
from world.core.files import replacing

MARKS = {"confirmed": "good", "refuted": "bad", "open": "soft"}
"""How the page shows an answer: classes of its style."""
STYLE: Any = {"svg.hashsalt": "culture-sim", "svg.fonttype": "none", "font.size": 9}
"""Equal results give equal bytes: names of elements do not change, and there is no date."""


def write_page(
    folder: Path, name: str, experiment: Experiment, findings: Findings, made: Mapping[str, Any]
) -> Path:
    """Write ``report/index.html`` and its figures; returns the page's path.

    folder: of the experiment. name: by which it is asked for. made: options and environment.
    """
    environment = Environment(
        loader=PackageLoader("culture_sim.experiments", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    place = folder / "report"
    drawn = {
        plot.name: _written(plot, place) for section in findings.sections for plot in section.plots
    }
    style = (files("culture_sim.report") / "page/style.css").read_text("utf-8")
    page = environment.get_template("template.html.jinja").render(
        style=Markup(style),
        name=name,
        experiment=experiment,
        findings=findings,
        drawn=drawn,
        marks=MARKS,
        made=made,
        svg=Markup,
    )
    path = place / "index.html"
    with replacing(path) as aside:
        aside.write_text(page, "utf-8")
    return path


def _written(plot: Plot, place: Path) -> Markup:
    """The SVG element of a figure, which is also written as a file."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=plot.size, layout="constrained")
        plot.draw(figure)
        buffer = BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    with replacing(place / f"{plot.name}.svg") as aside:
        aside.write_bytes(buffer.getvalue())
    text = buffer.getvalue().decode()
    return Markup(text[text.index("<svg") :])
