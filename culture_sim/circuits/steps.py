"""Whether agents' heads do the same, and which features tell the answer: the steps of
``culture-sim circuits``."""

from __future__ import annotations

from dataclasses import dataclass
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
from culture_sim.features.comparisons import Compared, open_compared
from culture_sim.features.folders import circuits_path, compared_folders
from culture_sim.run.config import config_to_dict
from culture_sim.run.reporting import Report
from culture_sim.run.run import Run
from sae.effects.exchange import STREAM, place_in_stream
from sae.files import refuse_blocked
from world import Stream
from world.core.errors import UserError

NOW, BEFORE = "now", "before"


@dataclass(frozen=True)
class LookedAt:
    """The comparison whose features are looked at, or None and why there is none."""

    compared: Compared | None
    why_not: str = ""


class CircuitSteps:
    """The steps; what takes long is left in a folder of its own and not done twice.

    earlier: the run with the agents as they were before, if any. features: of which comparison.
    report: says what is done. sentences, resamples, draws, seed: as the options of the command.
    The run's world is a FlippedWorld. Raises UserError where a file is in the way.
    """

    def __init__(
        self,
        run: Run,
        earlier: Run | None,
        features: LookedAt,
        report: Report,
        *,
        sentences: int,
        resamples: int,
        draws: int,
        seed: int,
    ) -> None:
        self.run, self.earlier, self.features, self.report = run, earlier, features, report
        self.resamples, self.draws = resamples, draws
        self.stream = Stream(seed, "circuits")
        self.world = run.config.world
        self.prompts = flipped_prompts(self.world, sentences, self.stream)
        self.folder: Path = circuits_path(run) / "agents"
        self.folder.mkdir(parents=True, exist_ok=True)
        refuse_blocked(circuits_path(run))

    def all(self) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
        """The figures of all, and every table by name."""
        count, draws = self.resamples, self.draws
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
            "weights": self.run.checksums(),
            "changes": dict(self.prompts.about),
            "telling": self.prompts.roles.telling,
            "idle": list(idle),
            "agents": of_agents(heads[NOW], idle),
            "overall": overall(pairs),
            "pairs": pairs,
            "culture": None,
            "features": None,
            "no_features": self.features.why_not,
        }
        if BEFORE in heads:
            self.report("matching heads with what they were before")
            figures["culture"], tables["head_changes"] = over_culture(
                heads[BEFORE], heads[NOW], telling, self.stream, count, draws
            )
        if (compared := self.features.compared) is not None:
            found = carriers_of(compared, self.prompts, self.stream, self.report)
            tables["carriers"] = feature_table(compared, found)
            figures["features"] = {
                "comparison": compared.made_from,
                **feature_figures(compared, found, self.stream),
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


def refuse_others(run: Run, earlier: Run) -> None:
    """Raise UserError where a run has not the agents of another as they were."""
    now, then = (config_to_dict(one.config) for one in (run, earlier))
    for key in ("seed", "agents", "world", "model"):
        if now[key] != then[key]:
            raise UserError(
                f"the agents of {earlier.path} are not those of {run.path} as they were: they have "
                f"another {key!r}; give --before a run whose agents this one began with"
            )


def features_of(run: Run, site: str | None, dictionary: str | None) -> LookedAt:
    """The comparison to look at: the first by default, if it is of the residual stream.

    Raises UserError where one is asked for that the run does not have, or of another place than
    the residual stream.
    """
    asked = site is not None or dictionary is not None
    if not compared_folders(run) and not asked:
        return LookedAt(None, "the run's features are not compared yet")
    compared = open_compared(run, site, dictionary)
    found = compared.dictionary.site
    if STREAM.fullmatch(found) is None and not asked:
        return LookedAt(None, f"{found} is not in the residual stream")
    place_in_stream(found)  # refused before heads are measured, which takes long
    return LookedAt(compared)
