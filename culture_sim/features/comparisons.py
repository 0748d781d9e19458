"""A run's finished comparisons, and what is needed to look at their features again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sae_lens import SAE
from scipy import sparse

from agents.model import AgentModel
from culture_sim.features.folders import (
    compared_folders,
    dictionary_configs,
    features_path,
    find_table,
    read_comparison,
)
from culture_sim.features.stage import held_out_of, sae_slots
from culture_sim.run.run import Run
from sae.activations.codes import agent_codes
from sae.activations.harvest import TokenRows, token_rows
from sae.artifacts import digest
from sae.config import DictionaryConfig
from sae.contrasts.dissent import Links
from sae.dictionaries.slots import SAESlot, fingerprint
from sae.dictionaries.training import load_sae
from world import QuizBatch
from world.core.errors import UserError


@dataclass(frozen=True)
class Compared:
    """The features of a run's agents at one site, of one architecture and width."""

    run: Run
    dictionary: DictionaryConfig

    @property
    def folder(self) -> Path:
        """Where the comparison's tables are."""
        return features_path(self.run, self.dictionary)

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

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The figures of the comparison; raises UserError when other code wrote its files."""
        return read_comparison(self.folder, self.run.path.name)

    @property
    def made_from(self) -> str:
        """A short hash of what the comparison was made from, to tell what was found out with it
        from what was found out with another."""
        return digest(self.summary["made_from"])

    def table(self, name: str) -> pd.DataFrame:
        """A table of the comparison, such as "families", or of what other commands found about it,
        such as "crosscoder_matches".

        Raises UserError when it is damaged, and for one that no command has made.
        """
        return find_table(self.folder, name, self.run.path.name)

    @property
    def slots(self) -> list[SAESlot]:
        """Where the compared SAEs are, one of each agent; the others are ceilings and baselines."""
        return [slot for slot in sae_slots(self.run, self.dictionary) if slot.role == "0"]

    @cached_property
    def saes(self) -> dict[int, SAE[Any]]:
        """The compared SAE of each agent, by number."""
        return {
            slot.agent: load_sae(slot.path, str(next(self.agents[slot.agent].parameters()).device))
            for slot in self.slots
        }

    @cached_property
    def links(self) -> dict[tuple[int, int], Links]:
        """By ordered pair of agents, where features of the first are found in the second: the
        mutual best match of each, and how well it correlates with its best, mutual or not."""
        links = {}
        for (a, b), rows in self.table("matches").groupby(["agent_a", "agent_b"]):
            match = np.full(self.dictionary.d_sae, -1, dtype=np.int64)
            r = np.full(self.dictionary.d_sae, np.nan)
            feature = rows.feature_a.to_numpy(np.int64)
            r[feature] = rows.r.to_numpy(np.float64, na_value=np.nan)
            mutual = rows.mutual.fillna(False).to_numpy(np.bool_)
            match[feature[mutual]] = rows.feature_b[mutual].to_numpy(np.int64)
            links[int(a), int(b)] = Links(match, r)
        return links

    @cached_property
    def members(self) -> list[dict[int, int]]:
        """Of every family, the feature of each agent in it, by number."""
        families = self.table("families")
        return [
            {int(a): int(f) for a, f in zip(agents, features, strict=True)}
            for agents, features in zip(families.agents, families.features, strict=True)
        ]

    def codes(self) -> dict[int, sparse.csr_array]:
        """By agent, float32 [N, F]: what its compared SAE makes of the quizzes."""
        world, site = self.run.config.world, self.dictionary.site
        return {
            n: agent_codes(agent, world, self.quizzes, site, [self.saes[n]])[0]
            for n, agent in self.agents.items()
        }


def open_compared(run: Run, site: str | None, dictionary: str | None) -> Compared:
    """The comparison at a site (by default the first), of a dictionary such as "batch_topk-512".

    Raises UserError when the run has none, or not this one.
    """
    if not compared_folders(run):
        raise UserError(
            f"the features of {run.path} are not compared yet; run first: "
            f"culture-sim sae --run {run.path.name}"
        )
    asked = [Compared(run, one) for one in dictionary_configs(run.config)]
    made = [one for one in asked if (one.folder / "summary.json").exists()]
    for one in made:
        if site in (None, one.dictionary.site) and dictionary in (None, one.dictionary.name):
            _refuse_outdated(one)
            return one
    known = ", ".join(f"{one.dictionary.site} {one.dictionary.name}" for one in made)
    raise UserError(f"no features are compared there; known in {run.path}: {known}")


def _refuse_outdated(compared: Compared) -> None:
    """Agents that were trained on since have other features than those that were compared, and so
    have SAEs that were trained again."""
    then, path = compared.summary["made_from"]["saes"], compared.run.path
    for slot in compared.slots:
        made = slot.record()["made_from"]
        now = compared.fingerprints[str(slot.agent)]
        if made["agent"] != now or then.get(f"{slot.agent}/{slot.role}") != made:
            raise UserError(
                f"the agents or SAEs of {path} are not those whose features are compared in "
                f"{compared.folder}; run first: culture-sim sae --run {path.name}"
            )
