"""Find out whether agents' heads do the same, and which features tell the answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from culture_sim.circuits.agents import Heads, Laboratory
from culture_sim.circuits.features import carriers_of, feature_figures, feature_table
from culture_sim.circuits.pairs import (
    agreements,
    matched_table,
    of_agents,
    over_culture,
    overall,
    profile_table,
)
from culture_sim.circuits.prompts import flipped_prompts
from culture_sim.circuits.shown import tables_of
from culture_sim.commands import commands
from culture_sim.commands.base import FindingCommand, Findings, Report
from culture_sim.features.comparisons import Compared, open_compared
from culture_sim.features.folders import CIRCUITS, circuits_path, compared_folders, write_figures
from culture_sim.report.circuits.write import write_circuits
from culture_sim.run.config import config_to_dict
from culture_sim.run.places import run_path
from culture_sim.run.run import Run
from sae.effects.exchange import STREAM, place_in_stream
from sae.files import refuse_blocked
from world import Stream
from world.core.errors import COUNT, UserError, require

LEAST = 16
"""Fewer sentences are too few to be halved."""
NOW, BEFORE = "now", "before"


@commands.register("circuits")
@dataclass(frozen=True, kw_only=True)
class FindCircuits(FindingCommand):
    """Find out whether agents' heads do the same, and which features tell the answer."""

    run: str = "names"
    """The run to look at; its world must change one thing at a time, as names does."""
    before: str | None = None
    """A run under --runs with the same agents as they were before, such as a study's "base": each
    is then compared with itself."""
    sentences: int = 128
    """Held-out sequences that effects are means over; half of them for each side of a match."""
    resamples: int = 300
    """Bootstrap resamples behind each 95 % interval."""
    draws: int = 199
    """Draws of each null."""
    features: bool = True
    """Whether to look at features as well, where the run's are compared."""
    site: str | None = None
    """Of which comparison; the first compared site by default."""
    dictionary: str | None = None
    """Of which SAEs, such as batch_topk-512; the first by default."""
    seed: int = 0
    """Which sequences, and which resamples and draws."""

    def __post_init__(self) -> None:
        require(self, "circuits", COUNT, "sentences", "resamples", "draws")
        if self.sentences < LEAST:
            raise UserError(f"--sentences must be at least {LEAST}, got {self.sentences}")

    def find(self, report: Report) -> Findings:
        """All figures, tables and the page, in the run's folder."""
        run = self.open_run()
        with Run.lock(run.path):
            report("reading the agents")
            figures, tables = _Steps(run, self, report).all()
            path = write_figures(circuits_path(run), CIRCUITS, figures, tables)
            page = write_circuits(run)
        return Findings(tables_of(figures), f"{path}, tables beside it, and {page}")

    def as_dict(self) -> dict[str, Any]:
        """All options that the findings depend on, for JSON."""
        options = {**asdict(self), "runs": str(self.runs)}
        del options["plugin"]
        return options


class _Steps:
    """The steps; what takes long is left in a folder of its own and not done twice."""

    def __init__(self, run: Run, options: FindCircuits, report: Report) -> None:
        self.run, self.options, self.report = run, options, report
        self.earlier = _earlier(run, options)
        self.compared, self.why_not = _compared(run, options)
        self.stream = Stream(options.seed, "circuits")
        self.world = run.config.world
        self.prompts = flipped_prompts(self.world, options.sentences, self.stream)
        self.folder: Path = circuits_path(run) / "agents"
        self.folder.mkdir(parents=True, exist_ok=True)
        refuse_blocked(circuits_path(run))

    def all(self) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
        """The figures of all, and every table by name."""
        count, draws = self.options.resamples, self.options.draws
        telling, idle = self.prompts.telling, self.prompts.roles.idle
        heads = {NOW: self._heads(self.run, NOW)}
        if self.earlier is not None:
            heads[BEFORE] = self._heads(self.earlier, BEFORE)
        self.report("matching heads across agents")
        pairs = agreements(heads[NOW], telling, self.stream, count, draws)
        tables = {
            "profiles": profile_table(heads, self.stream, count),
            "head_matches": matched_table(heads[NOW], telling, idle, self.stream),
        }
        figures: dict[str, Any] = {
            "options": self.options.as_dict(),
            "weights": self.run.checksums(),
            "changes": dict(self.prompts.about),
            "telling": self.prompts.roles.telling,
            "idle": list(idle),
            "agents": of_agents(heads[NOW], idle),
            "overall": overall(pairs),
            "pairs": pairs,
            "culture": None,
            "features": None,
            "no_features": self.why_not,
        }
        if BEFORE in heads:
            self.report("matching heads with what they were before")
            figures["culture"], tables["head_changes"] = over_culture(
                heads[BEFORE], heads[NOW], telling, self.stream, count, draws
            )
        if self.compared is not None:
            found = carriers_of(self.compared, self.prompts, self.stream, self.report)
            tables["carriers"] = feature_table(self.compared, found)
            figures["features"] = {
                "comparison": self.compared.made_from,
                **feature_figures(self.compared, found, self.stream),
            }
        return figures, tables

    @cached_property
    def _laboratory(self) -> Laboratory:
        return Laboratory(self.folder, self.world, self.prompts, self.stream, self.report)

    def _heads(self, run: Run, when: str) -> list[Heads]:
        return [
            self._laboratory.measure(
                number,
                run.load_agent(number),
                f"agent {number}" + (" before" if when == BEFORE else ""),
            )
            for number in run.agents
        ]


def _earlier(run: Run, options: FindCircuits) -> Run | None:
    """The run with the agents as they were; raises UserError for one of other agents."""
    if options.before is None:
        return None
    earlier = Run.open(run_path(options.runs, options.before, "--before"))
    now, then = (config_to_dict(one.config) for one in (run, earlier))
    for key in ("seed", "agents", "world", "model"):
        if now[key] != then[key]:
            raise UserError(
                f"the agents of {earlier.path} are not those of {run.path} as they were: they have "
                f"another {key!r}; give --before a run whose agents this one began with"
            )
    return earlier


def _compared(run: Run, options: FindCircuits) -> tuple[Compared | None, str]:
    """The comparison whose features are looked at, or why there is none.

    Raises UserError where one is asked for that the run does not have.
    """
    asked = options.site is not None or options.dictionary is not None
    if not options.features:
        return None, "they were not asked for"
    if not compared_folders(run) and not asked:
        return None, "the run's features are not compared yet"
    compared = open_compared(run, options.site, options.dictionary)
    site = compared.dictionary.site
    if STREAM.fullmatch(site) is None and not asked:
        return None, f"{site} is not in the residual stream"
    place_in_stream(site)  # refused before heads are measured, which takes long
    return compared, ""
