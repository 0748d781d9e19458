"""A run for people who use Python: everything that it made, in a few lines.

    run = culture_sim.open_run("runs/compact")
    run.agents[0], run.quizzes(100), run.votes, run.saes(), run.matches()

Nothing here trains or writes. What a stage has not made yet is refused in a line that names the
command. Tables are pandas DataFrames, quizzes show themselves as pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from agents.model import AgentModel
from culture_sim.culture.store import CultureStore, open_culture
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from world import Quizzes, Stream, World

if TYPE_CHECKING:  # sae_lens takes seconds to import, and many a look needs no features
    from sae_lens import SAE, HookedSAETransformer

    from culture_sim.features.comparisons import Compared


@dataclass(frozen=True)
class OpenRun:
    """A run on disk, read only."""

    run: Run

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.run.path

    @property
    def config(self) -> RunConfig:
        """Its options."""
        return self.run.config

    @property
    def world(self) -> World:
        """Where its quizzes come from."""
        return self.run.config.world

    @cached_property
    def agents(self) -> list[AgentModel]:
        """The trained agents, on the CPU, in evaluation mode."""
        return [self.run.load_agent(number) for number in self.run.agents]

    @cached_property
    def training(self) -> pd.DataFrame:
        """A row an agent: accuracy on unseen quizzes with its interval, quizzes and seconds."""
        rows = []
        for number in self.run.agents:
            state = self.run.agent_state(number)
            tree: dict[str, Any] = state.told() if state else {}
            test = tree.get("test") or {}
            rows.append(
                {
                    "agent": number,
                    **{key: test.get(key) for key in ("accuracy", "low", "high", "loss")},
                    **{key: tree.get(key) for key in ("reached", "round", "quizzes", "seconds")},
                }
            )
        return pd.DataFrame(rows)

    def quizzes(self, count: int, split: str = "test") -> Quizzes:
        """Quizzes of the world that no agent learned from (unless ``split`` is "train").

        They are asked in the world's answer layouts, in turn.
        """
        drawn = self.world.draw(Stream(self.config.seed, "notebook"), 0, count, split)
        return self.world.show(self.world.for_exam(drawn))

    @cached_property
    def store(self) -> CultureStore:
        """The culture, as stored; raises UserError where there is none."""
        return open_culture(self.path)

    @cached_property
    def votes(self) -> pd.DataFrame:
        """A row for each quiz that was voted on, kept or not, with its round, proposer, dissenter,
        reason, and of every agent whether it solved the quiz in every direction."""
        tables = []
        for number in self.store.rounds():
            table = self.store.table(number)
            votes = self.store.votes(number)
            columns = {"round": number, "index": table["index"].to_numpy()}
            for name in ("hash", "split", "proposer", "keep", "dissenter", "reason"):
                columns[name] = table[name].to_pylist()
            solved = {f"solved_{n}": votes.solves[:, n] for n in range(votes.n_agents)}
            voted = {f"voted_{n}": votes.voted[:, n] for n in range(votes.n_agents)}
            tables.append(pd.DataFrame({**columns, **solved, **voted}))
        return pd.concat(tables, ignore_index=True)

    @cached_property
    def culture(self) -> Quizzes:
        """The kept quizzes of all rounds, those of culture_train before those of culture_test."""
        from culture_sim.culture.records import CULTURE_SPLITS
        from world import concatenate

        kept = [self.store.kept(split) for split in CULTURE_SPLITS]
        return self.world.show(concatenate([batch for batch in kept if batch is not None]))

    def comparison(self, site: str | None = None, dictionary: str | None = None) -> Compared:
        """The comparison of features at a site (the first by default), of a dictionary such as
        "batch_topk-512"; raises UserError where there is none."""
        from culture_sim.features.comparisons import open_compared

        return open_compared(self.run, site, dictionary)

    def saes(self, site: str | None = None, dictionary: str | None = None) -> dict[int, SAE[Any]]:
        """The compared autoencoder of each agent, by number, as sae_lens opens it."""
        return self.comparison(site, dictionary).saes

    def hooked_sae_transformer(
        self, agent: int = 0, site: str | None = None, dictionary: str | None = None
    ) -> HookedSAETransformer:
        """An agent as sae_lens's HookedSAETransformer, its compared autoencoder attached; site and
        dictionary as ``comparison`` has them. Its tokens are ``agents.shift(tokens)``."""
        from sae.hooked import hooked_sae_transformer

        return hooked_sae_transformer(self.agents[agent], [self.saes(site, dictionary)[agent]])

    def matches(self, site: str | None = None, dictionary: str | None = None) -> pd.DataFrame:
        """A row for each feature and other agent: its best match there, as docs/features.md has
        it."""
        return self.comparison(site, dictionary).table("matches")

    def families(self, site: str | None = None, dictionary: str | None = None) -> pd.DataFrame:
        """A row for each group of features of several agents that are each other's best match."""
        return self.comparison(site, dictionary).table("families")

    def features(self, site: str | None = None, dictionary: str | None = None) -> pd.DataFrame:
        """A row for each feature: what it fires on, in words."""
        return self.comparison(site, dictionary).table("features")

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The headline figures of every stage, as summary.json has them."""
        return self.run.summary()

    def __repr__(self) -> str:
        return f"OpenRun({str(self.path)!r}): {len(self.run.agents)} agents, world {self.world!r}"

    def _repr_html_(self) -> str:
        table = self.training.to_html(index=False, float_format=lambda x: f"{x:.4g}")
        return f"<b>{escape(str(self.path))}</b>: {escape(repr(self.world))}{table}"


def open_run(path: str | Path) -> OpenRun:
    """The run in a folder, such as "runs/compact"; raises UserError when there is none."""
    return OpenRun(Run.open(Path(path)))
