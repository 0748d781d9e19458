"""Features of agents that nest and of agents that do not: is there one for "has dipped"?

Autoencoders are trained on agents of both kinds and compared as in any run, against its null and
ceiling; and the features of each agent are held against what is true of every bracket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from culture_sim.experiment import run_stage
from culture_sim.experiments.brackets.agent import AGAIN, CHECKPOINT, Agent
from culture_sim.experiments.runs import PRESET, open_run
from culture_sim.experiments.units import Place, Unit
from culture_sim.features.folders import dictionary_configs, features_path
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from sae.artifacts import digest
from sae.config import SAEConfig
from sae.files import read_parquet
from world.core.files import read_json

NESTERS = 3
"""Of five agents."""
EQUAL_SHARE = 0.1
"""Of the unbalanced strings that features are found and compared on, so that dips come with every
count."""
SUMMARY, COVERAGE = "summary.json", "coverage.parquet"


@dataclass(frozen=True, kw_only=True)
class Shared(Unit):
    """Autoencoders on five agents, the first ``nesters`` of which nest.

    tokens: that each autoencoder is trained on. width: features of one. quizzes: that features are
    compared on.
    """

    agents: tuple[Agent, ...]
    nesters: int
    tokens: int
    width: int
    quizzes: int

    @property
    def name(self) -> str:
        return f"features/{digest([agent.name for agent in self.agents], size=3)}"

    @property
    def config(self) -> RunConfig:
        """Options of its run; nothing is trained in it but autoencoders."""
        first = self.agents[0]
        site = f"blocks.{max(0, first.model.n_layers - 2)}.hook_resid_post"
        sae = SAEConfig(
            sites=(site,),
            widths=(self.width,),
            k=8,
            training_tokens=self.tokens,
            comparison_quizzes=self.quizzes,
            concept_quizzes=max(1, self.quizzes // 2),
            baselines=(),
        )
        return RunConfig(
            agents=len(self.agents),
            world=replace(first.world, equal_count_share=EQUAL_SHARE),
            model=first.model,
            train=first.train,
            sae=sae,
            compare_on_culture=False,
        )

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """The run with its comparison."""
        checkpoints = [place.of(agent) / CHECKPOINT for agent in self.agents]
        run = open_run(folder / "run", self.config, checkpoints)
        run_stage(run, "sae")
        compared = features_path(run, dictionary_configs(run.config)[0]).relative_to(folder)
        return [str(compared / name) for name in (SUMMARY, COVERAGE)]


@dataclass(frozen=True)
class Compared:
    """What was found of five agents.

    nests: whether each does. pairs: figures of every pair of agents, as a comparison's
    ``summary.json`` has them. dipped: by agent, F1 of the features that tell best if the string
    has been below zero, with ``low``, ``high`` and ``always_f1``, that of always saying yes; empty
    where too few strings dip.
    """

    nests: tuple[bool, ...]
    pairs: Sequence[Mapping[str, Any]]
    dipped: Sequence[Mapping[str, float]]


def read_shared(place: Place, unit: Shared) -> Compared:
    """What a made unit found."""
    run = Run(place.of(unit) / "run", unit.config, PRESET)
    folder = features_path(run, dictionary_configs(unit.config)[0])
    summary = read_json(folder / SUMMARY, AGAIN)
    coverage = read_parquet(folder / COVERAGE, AGAIN)
    return Compared(
        tuple(number < unit.nesters for number in range(len(unit.agents))),
        summary["pairs"],
        dipped_in(coverage),
    )


def dipped_in(coverage: pd.DataFrame) -> list[dict[str, float]]:
    """By agent, how well the concepts of the label "dipped" of the bracket read are detected."""
    chosen = coverage[(coverage["label"] == "dipped") & (coverage["moment"] == "read")]
    chosen = chosen[chosen["dictionary"] == coverage["dictionary"].iloc[0]].sort_values("agent")
    return chosen[["f1", "low", "high", "always_f1"]].to_dict("records")


def by_rules(compared: Compared) -> dict[str, list[Mapping[str, Any]]]:
    """Figures of pairs by whether their agents nest."""
    names = {2: "both nest", 1: "one nests", 0: "neither nests"}
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names.values()}
    for pair in compared.pairs:
        nesting = sum(compared.nests[pair[name]] for name in ("agent_a", "agent_b"))
        found[names[nesting]].append(pair)
    return found
