"""The report of a run: one HTML file that opens without a network and shows what was measured."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from culture_sim.report.charts import heat, learning_curves
from culture_sim.report.gather import gather
from culture_sim.run import Run
from world.files import replacing

MISSING = "-"


def write_report(run: Run) -> Path:
    """Write ``report/index.html`` of a run from what its stages left; returns its path.

    A stage that has not run yet is a sentence naming its command.
    """
    here = files("culture_sim.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        percent=lambda value, digits=1: MISSING if value is None else f"{value:.{digits}%}",
        number=lambda value, digits=2: MISSING if value is None else f"{value:.{digits}f}",
        whole=lambda value: MISSING if value is None else f"{value:,}",
    )
    template = environment.from_string((here / "template.html.jinja").read_text())
    page = template.render(
        style=Markup((here / "style.css").read_text()),
        heat=heat,
        learning_curves=learning_curves,
        **gather(run),
    )
    path = run.path / "report" / "index.html"
    with replacing(path) as aside:
        aside.write_text(page)
    return path
