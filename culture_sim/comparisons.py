"""A run's finished comparisons, and what is needed to look at their features again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from scipy import sparse

from agents.model import AgentModel
from culture_sim.feature_stage import features_path, held_out_of, sae_configs, sae_places
from culture_sim.run import Run
from sae.codes import agent_codes
from sae.config import SAEConfig
from sae.harvest import TokenRows, token_rows
from sae.stage import fingerprint
from sae.training import load_sae
from world import QuizBatch
from world.errors import UserError


@dataclass(frozen=True)
class Compared:
    """The features of a run's agents at one site, of one architecture and width."""

    run: Run
    config: SAEConfig

    @property
    def folder(self) -> Path:
        """Where the comparison's tables are."""
        return features_path(self.run, self.config)

    @cached_property
    def agents(self) -> dict[int, AgentModel]:
        """The agents, by number."""
        return {number: self.run.load_agent(number) for number in self.run.agents}

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Hashes of the agents' weights, by number."""
        return {str(number): fingerprint(model) for number, model in self.agents.items()}

    @cached_property
    def quizzes(self) -> QuizBatch:
        """The world's quizzes that were compared on, with all that their generator knows."""
        return held_out_of(self.run)

    @cached_property
    def rows(self) -> TokenRows:
        """Their rows of activations."""
        return token_rows(self.run.config.world, self.quizzes)

    def table(self, name: str) -> pd.DataFrame:
        """A table of the comparison, such as "families"."""
        return pd.read_parquet(self.folder / f"{name}.parquet")

    def codes(self) -> dict[int, sparse.csr_array]:
        """By agent, float32 [N, F]: what its compared SAE makes of the quizzes."""
        found = {}
        for place in sae_places(self.run, self.config):
            if place.role == "0":
                agent = self.agents[place.agent]
                device = str(next(agent.parameters()).device)
                (found[place.agent],) = agent_codes(
                    agent,
                    self.run.config.world,
                    self.quizzes,
                    self.config.site,
                    [load_sae(place.path, device)],
                )
        return found


def open_compared(run: Run, site: str | None, dictionary: str | None) -> Compared:
    """The comparison at a site (by default the first), of a dictionary such as "batch_topk-512".

    Raises UserError when the run has none, or not this one.
    """
    if not any((run.path / "features").glob("*/*/summary.json")):
        raise UserError(
            f"the features of {run.path} are not compared yet; run first: "
            f"culture-sim sae --run {run.path.name}"
        )
    found = [Compared(run, config) for config in sae_configs(run)]
    made = [one for one in found if (one.folder / "summary.json").exists()]
    for one in made:
        if site in (None, one.config.site) and dictionary in (None, one.config.dictionary):
            return one
    known = ", ".join(f"{one.config.site} {one.config.dictionary}" for one in made)
    raise UserError(f"no features are compared there; known in {run.path}: {known}")
