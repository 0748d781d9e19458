"""Groups of quizzes whose features are held against each other, and their controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from culture_sim.features.on_culture.figures import with_q
from culture_sim.features.on_culture.firings import FeatureFirings
from culture_sim.features.on_culture.quizzes import NOBODY
from sae.contrasts.occurrence import occurrence

WORLD, AGENTS, KEPT = "world", "agents", "kept"
"""Where quizzes come from: the world's generator; agents, which nobody was taught; and agents, all
that were kept, taught or not."""
AGENTS_KEPT = "agents_kept"
"""Of the agents' quizzes that nobody was taught, those that were kept."""
Part = tuple[str, NDArray[np.bool_]]
"""Of the quizzes of an origin, some."""


def occurrences(
    firings: Mapping[str, FeatureFirings],
    agents: Sequence[int],
    taught: NDArray[np.bool_],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """How often features fire in groups of quizzes, see ``occurrence``, with the columns groups,
    agent and q.

    taught: bool [Q], of the kept quizzes. rng: for halves.
    """
    tables = []
    for name, ((one, these), (other, those)) in _groups(firings, taught, rng).items():
        # Tasks are only known to be the same within an origin: agents' quizzes have none.
        place = "stratum" if one == other else "direction"
        strata = getattr(firings[one], place)[these], getattr(firings[other], place)[those]
        for n in agents:
            shares = firings[one].shares[n][these], firings[other].shares[n][those]
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
    for number in np.unique(stratum[dissenter != NOBODY]):
        easy = np.flatnonzero(solved & (stratum == number))
        agents = dissenter[(dissenter != NOBODY) & (stratum == number)]
        chosen = rng.permutation(easy)[: min(len(agents), len(easy) // 2)]
        dealt[chosen] = rng.permutation(agents)[: len(chosen)]
    return dealt


def _groups(
    firings: Mapping[str, FeatureFirings], taught: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, tuple[Part, Part]]:
    """The groups of quizzes that are held against each other, by name.

    taught: bool [Q], of the kept quizzes.
    """
    failed = {origin: here.alone for origin, here in firings.items()}
    even = {origin: rng.random(len(here)) < 0.5 for origin, here in firings.items()}
    solved = {origin: ~alone for origin, alone in failed.items()}
    drawn = {origin: _like_failed(firings[origin], rng) for origin in (AGENTS, WORLD)}
    groups = {
        "agents_world": ((AGENTS, solved[AGENTS]), (WORLD, solved[WORLD])),
        "failed_solved_agents": ((AGENTS, failed[AGENTS]), (AGENTS, solved[AGENTS])),
        "failed_solved_world": ((WORLD, failed[WORLD]), (WORLD, solved[WORLD])),
        **{
            f"placebo_solved_{origin}": ((origin, dealt), (origin, solved[origin] & ~dealt))
            for origin, dealt in drawn.items()
        },
        "world_world": (
            (WORLD, solved[WORLD] & even[WORLD]),
            (WORLD, solved[WORLD] & ~even[WORLD]),
        ),
    }
    if KEPT in firings:
        every = np.ones(len(taught), dtype=np.bool_)
        groups |= {
            "kept_world": ((KEPT, every), (WORLD, solved[WORLD])),
            "kept_hard": ((KEPT, every), (WORLD, failed[WORLD])),
            "taught_untaught": ((KEPT, taught), (KEPT, ~taught)),
            "kept_kept": ((KEPT, even[KEPT]), (KEPT, ~even[KEPT])),
        }
    return groups


def _like_failed(firings: FeatureFirings, rng: np.random.Generator) -> NDArray[np.bool_]:
    """bool [Q]: quizzes that nobody fails, as many of every stratum as somebody fails there."""
    failed = np.where(firings.alone, 0, NOBODY)
    return placebo(failed, ~firings.alone, firings.stratum, rng) != NOBODY
