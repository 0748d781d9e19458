"""The command ``culture-sim culture-features``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import tyro
from numpy.typing import NDArray
from rich.console import Console

from culture_sim.comparisons import Compared, ComparisonOptions
from culture_sim.culture_features.figures import figures_of, tables_of, with_q
from culture_sim.culture_features.looking import Looked
from culture_sim.culture_features.quizzes import NOBODY, Asked, ask, untaught
from culture_sim.feature_stage import held_out_of
from culture_sim.parsing import one_line_errors
from culture_sim.store import CultureStore, open_culture
from culture_sim.votes import DIRECTIONS
from sae.files import write_json, write_parquet
from sae.groups.families import family_departures
from sae.groups.occurrence import occurrence
from world import QuizBatch, Stream
from world.errors import COUNT, UserError, require

WORLD, AGENTS = "world", "agents"
"""Where quizzes come from: the world's generator, or the agents themselves."""
PLACEBO = "placebo"
"""Dissenters of the world's quizzes, dealt out to quizzes that nobody fails."""


@dataclass(frozen=True)
class CultureFeatures(ComparisonOptions):
    """Find out what agents' own quizzes do to their features, and what a dissenter lacks."""

    world_quizzes: int = 4000
    """Unseen world quizzes that the agents are asked, to find some that one of them fails."""
    solved: int = 1500
    """Quizzes of each origin that all agents solve, at most: what is usual."""
    resamples: int = 2000
    """Bootstrap resamples, and random dissenters, behind each interval and p."""
    seed: int = 0
    """Which quizzes and which resamples."""

    def __post_init__(self) -> None:
        require(self, "culture-features", COUNT, "world_quizzes", "solved", "resamples")


def culture_features(arguments: Sequence[str]) -> int:
    """The command; returns the exit code."""
    with one_line_errors():
        given = tyro.cli(CultureFeatures, args=arguments, prog="culture-sim culture-features")
    store = open_culture(given.open_run().path)
    compared = given.open()
    console = Console()
    with console.status("") as status:
        found = _Work(compared, store, given, status.update).all()
    where = compared.folder / "culture.json"
    write_json(where, {"options": given.as_dict(), **found})
    for shown in tables_of(found):
        console.print(shown)
    console.print(f"written: {where} and tables beside it", soft_wrap=True, highlight=False)
    return 0


class _Work:
    """The steps: ask, look at the features of what was asked, compare."""

    def __init__(
        self,
        compared: Compared,
        store: CultureStore,
        given: CultureFeatures,
        say: Callable[[str], None],
    ) -> None:
        self.compared, self.store, self.given, self.say = compared, store, given, say
        self.stream = Stream(given.seed, "culture-features")

    def all(self) -> dict[str, Any]:
        """Every figure; writes the tables."""
        asked = {origin: self._ask(origin) for origin in (WORLD, AGENTS)}
        looked = {origin: Looked(self.compared, each) for origin, each in asked.items()}
        self.say("features that fire on one group of quizzes more than on another")
        occurs, departures = self._occurrence(looked), self._departures(looked)
        write_parquet(self.compared.folder / "occurrence.parquet", occurs)
        write_parquet(self.compared.folder / "departures.parquet", departures)
        return {
            "asked": {origin: self._counts(each) for origin, each in asked.items()},
            "quality": self._quality(looked),
            "dissent": self._contrasts(looked),
            **figures_of(occurs, departures),
        }

    def _ask(self, origin: str) -> Asked:
        self.say(f"asking the agents quizzes of the {origin}")
        quizzes = self._world_quizzes() if origin == WORLD else untaught(self.store)
        order = self.stream.with_role(origin).generator().permutation(len(quizzes))
        run = self.compared.run
        models = [self.compared.agents[n] for n in run.agents]
        # Not in the number format of votes: who fails is told by the pass that features come from.
        asked = ask(models, run.config.world, quizzes[order], self.given.solved)
        if (asked.dissenter == NOBODY).sum() < 2:
            raise UserError(
                f"of {len(quizzes)} quizzes of the {origin}, the agents of {run.path} solve "
                f"{asked.counts['failed_by_none']} all together: too few to compare features on"
            )
        return asked

    def _world_quizzes(self) -> QuizBatch:
        """Others than those on which features were matched."""
        run = self.compared.run
        before = run.config.sae.comparison_quizzes
        quizzes = held_out_of(run, before + self.given.world_quizzes)[before:]
        return run.config.world.arrange(quizzes, DIRECTIONS[0])

    def _counts(self, asked: Asked) -> dict[str, Any]:
        by_agent = [int((asked.dissenter == n).sum()) for n in self.compared.run.agents]
        return {**asked.counts, "dissenters": by_agent}

    def _quality(self, looked: Mapping[str, Looked]) -> list[dict[str, Any]]:
        found = []
        for origin, each in looked.items():
            self.say(f"grading SAEs on quizzes of the {origin}")
            found += [{"origin": origin, "agent": n, **quality} for n, quality in each.quality()]
        return found

    def _contrasts(self, looked: Mapping[str, Looked]) -> list[dict[str, Any]]:
        found = []
        for origin, each in looked.items():
            self.say(f"dissenters on quizzes of the {origin}")
            rng = self.stream.with_role(f"dissent-{origin}").generator()
            for region, measure, result in each.contrasts(rng, self.given.resamples):
                place = {"origin": origin, "region": region, "measure": measure}
                found.append({**place, **({} if result is None else asdict(result))})
        return found

    def _occurrence(self, looked: Mapping[str, Looked]) -> pd.DataFrame:
        tables = []
        groups = _groups(looked, self.stream.with_role("halves").generator())
        for n in self.compared.agents:
            shares = {origin: each.shares(n) for origin, each in looked.items()}
            for name, ((one, some), (other, others)) in groups.items():
                table = occurrence(
                    shares[one][some],
                    shares[other][others],
                    looked[one].direction[some],
                    looked[other].direction[others],
                )
                tables.append(table.assign(groups=name, agent=n))
        return with_q(pd.concat(tables, ignore_index=True), "groups")

    def _departures(self, looked: Mapping[str, Looked]) -> pd.DataFrame:
        names = self.compared.table("families")["name"].to_numpy()
        tables = []
        failed = {origin: each.dissenter for origin, each in looked.items()}
        rng = self.stream.with_role("placebo").generator()
        for name, origin, dissenter in (
            (WORLD, WORLD, failed[WORLD]),
            (AGENTS, AGENTS, failed[AGENTS]),
            (PLACEBO, WORLD, placebo(failed[WORLD], rng)),
        ):
            shares = {n: looked[origin].shares(n) for n in self.compared.agents}
            rows = np.flatnonzero((dissenter != NOBODY) | ~looked[origin].alone)
            table = family_departures(
                self.compared.members,
                {n: share[rows] for n, share in shares.items()},
                dissenter[rows],
                looked[origin].stratum[rows],
            )
            tables.append(table.assign(origin=name, name=names))
        return with_q(pd.concat(tables, ignore_index=True), "origin")


def placebo(dissenter: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """int64 [Q]: the same dissenters [Q], dealt out to quizzes that nobody fails."""
    dealt = np.full(len(dissenter), NOBODY)
    solved, agents = np.flatnonzero(dissenter == NOBODY), dissenter[dissenter != NOBODY]
    some = rng.permutation(solved)[: min(len(agents), len(solved) // 2)]
    dealt[some] = rng.permutation(agents)[: len(some)]
    return dealt


Part = tuple[str, NDArray[np.bool_]]
"""Of the quizzes of an origin, some."""


def _groups(looked: Mapping[str, Looked], rng: np.random.Generator) -> dict[str, tuple[Part, Part]]:
    """The groups of quizzes that are held against each other, by name; the last are alike."""
    failed = {origin: each.alone for origin, each in looked.items()}
    even = rng.random(len(failed[WORLD])) < 0.5
    solved = {origin: ~each for origin, each in failed.items()}
    return {
        "agents_world": ((AGENTS, solved[AGENTS]), (WORLD, solved[WORLD])),
        "failed_solved_agents": ((AGENTS, failed[AGENTS]), (AGENTS, solved[AGENTS])),
        "failed_solved_world": ((WORLD, failed[WORLD]), (WORLD, solved[WORLD])),
        "world_world": ((WORLD, solved[WORLD] & even), (WORLD, solved[WORLD] & ~even)),
    }
