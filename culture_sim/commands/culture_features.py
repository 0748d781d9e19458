"""Find out what agents' own quizzes do to their features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.model import AgentModel
from culture_sim.commands import commands
from culture_sim.commands.base import ComparisonCommand, Findings, Report
from culture_sim.culture.store import CultureStore, open_culture
from culture_sim.features.comparisons import Compared
from culture_sim.features.folders import CULTURE, write_found
from culture_sim.features.on_culture.figures import figures_of, tables_of, with_q
from culture_sim.features.on_culture.looking import Looked
from culture_sim.features.on_culture.quizzes import (
    NOBODY,
    Asked,
    Stored,
    ask,
    ask_kept,
    read_stored,
)
from culture_sim.features.stage import held_out_of
from sae.contrasts.families import family_deviations
from sae.contrasts.occurrence import occurrence
from world import QuizBatch, Stream
from world.core.errors import COUNT, UserError, require

WORLD, AGENTS, KEPT = "world", "agents", "kept"
"""Where quizzes come from: the world's generator; agents, which nobody was taught; and agents, all
that were kept, taught or not."""
AGENTS_KEPT = "agents_kept"
"""Of the agents' quizzes that nobody was taught, those that were kept."""


@commands.register("culture-features")
@dataclass(frozen=True, kw_only=True)
class CultureFeatures(ComparisonCommand):
    """Find out what agents' own quizzes do to their features, and what a dissenter lacks."""

    world_quizzes: int = 4000
    """Unseen world quizzes that the agents are asked, to find some that one of them fails."""
    solved: int = 1500
    """Quizzes of each origin that all agents solve, at most: what is usual."""
    resamples: int = 2000
    """Random dissenters behind each contrast's p."""
    seed: int = 0
    """Which quizzes and which resamples."""

    def __post_init__(self) -> None:
        require(self, "culture-features", COUNT, "world_quizzes", "solved", "resamples")

    def find(self, report: Report) -> Findings:
        """All figures, written beside the comparison."""
        store = open_culture(self.open_run().path)
        with self.opened() as compared:
            figures, tables = _Steps(compared, store, self, report).all()
            tree = {"options": self.as_dict(), "comparison": compared.made_from, **figures}
            path = write_found(compared.folder, CULTURE, tree, tables)
        return Findings(tables_of(figures), f"{path} and tables beside it")


class _Steps:
    """The steps: ask, look at the features of what was asked, compare."""

    def __init__(
        self,
        compared: Compared,
        store: CultureStore,
        options: CultureFeatures,
        report: Report,
    ) -> None:
        self.compared, self.store, self.options, self.report = compared, store, options, report
        self.world = compared.run.config.quiz_world
        self.stream = Stream(options.seed, "culture-features")

    def all(self) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
        """Every figure, and the tables by name."""
        stored = read_stored(self.store)
        untaught, kept = self._in_any_order(AGENTS, stored.untaught), stored.kept
        asked = {
            WORLD: self._ask(WORLD, self._in_any_order(WORLD, self._world_quizzes())),
            AGENTS: self._ask(AGENTS, untaught.batch),
        }
        if len(kept):
            self.report("asking the agents quizzes that were kept")
            asked[KEPT] = ask_kept(self._models, self.world, kept)
        looked = {origin: Looked(self.compared, each) for origin, each in asked.items()}
        self.report("features that fire on one group of quizzes more than on another")
        among = {
            WORLD: {WORLD: np.ones(len(looked[WORLD]), dtype=np.bool_)},
            AGENTS: {
                AGENTS: np.ones(len(looked[AGENTS]), dtype=np.bool_),
                AGENTS_KEPT: untaught.keep[asked[AGENTS].index],
            },
        }
        rng = self.stream.with_role("halves").generator()
        occurs = occurrences(looked, self.compared.run.agents, kept.taught, rng)
        departures = self._departures(looked, among)
        figures = {
            "asked": self._counts(asked, untaught, kept),
            "quality": self._quality(looked),
            "dissent": self._contrasts(looked, among),
            **figures_of(occurs, departures),
        }
        return figures, {"occurrence": occurs, "departures": departures}

    @cached_property
    def _models(self) -> list[AgentModel]:
        return [self.compared.agents[n] for n in self.compared.run.agents]

    def _in_any_order(self, origin: str, quizzes: Quizzes) -> Quizzes:
        return quizzes[self.stream.with_role(origin).generator().permutation(len(quizzes))]

    def _ask(self, origin: str, quizzes: QuizBatch) -> Asked:
        self.report(f"asking the agents quizzes of the {origin}")
        run = self.compared.run
        # Not in the number format of votes: who fails is told by the pass that features come from.
        asked = ask(self._models, self.world, quizzes, self.options.solved)
        if (asked.dissenter == NOBODY).sum() < 2:
            raise UserError(
                f"of {len(quizzes)} quizzes of the {origin}, the agents of {run.path} solve "
                f"{(asked.failing == 0).sum()} all together: too few to compare features on"
            )
        return asked

    def _world_quizzes(self) -> QuizBatch:
        """Others than those on which features were matched."""
        run = self.compared.run
        before = run.config.sae.comparison_quizzes
        quizzes = held_out_of(run, before + self.options.world_quizzes)[before:]
        return self.world.arrange(quizzes, self.world.directions[0])

    def _counts(
        self, asked: Mapping[str, Asked], untaught: Stored, kept: Stored
    ) -> dict[str, dict[str, Any]]:
        counts: dict[str, dict[str, Any]] = {}
        for origin, quizzes in asked.items():
            counts[origin] = quizzes.counts(np.ones(len(quizzes.failing), dtype=np.bool_))
            if origin != KEPT:
                by_agent = [int((quizzes.dissenter == n).sum()) for n in self.compared.run.agents]
                counts[origin]["dissenters"] = by_agent
        counts[AGENTS]["by_reason"] = {
            str(reason): asked[AGENTS].counts(untaught.reason == reason)
            for reason in np.unique(untaught.reason)
        }
        if KEPT in counts:
            counts[KEPT]["taught"] = int(kept.taught.sum())
        return counts

    def _quality(self, looked: Mapping[str, Looked]) -> list[dict[str, Any]]:
        graded = []
        for origin, features in looked.items():
            self.report(f"grading SAEs on quizzes of the {origin}")
            graded += [
                {"origin": origin, "agent": n, **quality} for n, quality in features.quality()
            ]
        return graded

    def _contrasts(self, looked: Mapping[str, Looked], among: Among) -> list[dict[str, Any]]:
        contrasts = []
        for origin, groups in among.items():
            self.report(f"dissenters on quizzes of the {origin}")
            rngs = {name: self.stream.with_role(f"dissent-{name}").generator() for name in groups}
            results = looked[origin].contrasts(groups, rngs, self.options.resamples)
            for region, measure, name, result in results:
                key = {"origin": name, "region": region, "measure": measure}
                contrasts.append({**key, **({} if result is None else asdict(result))})
        return contrasts

    def _departures(self, looked: Mapping[str, Looked], among: Among) -> pd.DataFrame:
        """Of every group of quizzes, and with its dissenters dealt out to others."""
        names = self.compared.table("families")["name"].to_numpy()
        tables = []
        for origin, groups in among.items():
            each = looked[origin]
            for name, group in groups.items():
                failed = np.where(group, each.dissenter, NOBODY)
                rng = self.stream.with_role(f"placebo-{name}").generator()
                dealt = placebo(failed, ~each.alone, each.stratum, rng)
                for called, dissenter in ((name, failed), (f"placebo_{name}", dealt)):
                    table = family_deviations(
                        self.compared.members,
                        each.shares,
                        dissenter,
                        ~each.alone & (dissenter == NOBODY),
                        each.stratum,
                    )
                    tables.append(table.assign(origin=called, name=names))
        return with_q(pd.concat(tables, ignore_index=True), "origin")


def occurrences(
    looked: Mapping[str, Looked],
    agents: Sequence[int],
    taught: NDArray[np.bool_],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """How often features fire in groups of quizzes, see ``occurrence``, with the columns groups,
    agent and q.

    taught: bool [Q], of the kept quizzes. rng: for halves.
    """
    tables = []
    for name, ((one, some), (other, others)) in _groups(looked, taught, rng).items():
        # Tasks are only known to be the same within an origin: agents' quizzes have none.
        place = "stratum" if one == other else "direction"
        strata = getattr(looked[one], place)[some], getattr(looked[other], place)[others]
        for n in agents:
            shares = looked[one].shares[n][some], looked[other].shares[n][others]
            tables.append(occurrence(*shares, *strata).assign(groups=name, agent=n))
    return with_q(pd.concat(tables, ignore_index=True), "groups")


def placebo(
    dissenter: NDArray[np.int64],
    solved: NDArray[np.bool_],
    stratum: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """int64 [Q]: the dissenters [Q] of every stratum [Q], dealt out to quizzes of the same stratum
    that nobody fails, bool [Q]; at most to half of them."""
    dealt = np.full(len(dissenter), NOBODY)
    for each in np.unique(stratum[dissenter != NOBODY]):
        easy = np.flatnonzero(solved & (stratum == each))
        agents = dissenter[(dissenter != NOBODY) & (stratum == each)]
        some = rng.permutation(easy)[: min(len(agents), len(easy) // 2)]
        dealt[some] = rng.permutation(agents)[: len(some)]
    return dealt


Among = Mapping[str, Mapping[str, NDArray[np.bool_]]]
"""By origin, groups of its quizzes, by name: bool [Q]."""
Quizzes = TypeVar("Quizzes", QuizBatch, Stored)
Part = tuple[str, NDArray[np.bool_]]
"""Of the quizzes of an origin, some."""


def _groups(
    looked: Mapping[str, Looked], taught: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, tuple[Part, Part]]:
    """The groups of quizzes that are held against each other, by name.

    taught: bool [Q], of the kept quizzes.
    """
    failed = {origin: each.alone for origin, each in looked.items()}
    even = {origin: rng.random(len(each)) < 0.5 for origin, each in looked.items()}
    solved = {origin: ~each for origin, each in failed.items()}
    drawn = {origin: _like_failed(looked[origin], rng) for origin in (AGENTS, WORLD)}
    groups = {
        "agents_world": ((AGENTS, solved[AGENTS]), (WORLD, solved[WORLD])),
        "failed_solved_agents": ((AGENTS, failed[AGENTS]), (AGENTS, solved[AGENTS])),
        "failed_solved_world": ((WORLD, failed[WORLD]), (WORLD, solved[WORLD])),
        **{
            f"placebo_solved_{origin}": ((origin, some), (origin, solved[origin] & ~some))
            for origin, some in drawn.items()
        },
        "world_world": (
            (WORLD, solved[WORLD] & even[WORLD]),
            (WORLD, solved[WORLD] & ~even[WORLD]),
        ),
    }
    if KEPT in looked:
        every = np.ones(len(taught), dtype=np.bool_)
        groups |= {
            "kept_world": ((KEPT, every), (WORLD, solved[WORLD])),
            "kept_hard": ((KEPT, every), (WORLD, failed[WORLD])),
            "taught_untaught": ((KEPT, taught), (KEPT, ~taught)),
            "kept_kept": ((KEPT, even[KEPT]), (KEPT, ~even[KEPT])),
        }
    return groups


def _like_failed(looked: Looked, rng: np.random.Generator) -> NDArray[np.bool_]:
    """bool [Q]: quizzes that nobody fails, as many of every stratum as somebody fails there."""
    failed = np.where(looked.alone, 0, NOBODY)
    return placebo(failed, ~looked.alone, looked.stratum, rng) != NOBODY
