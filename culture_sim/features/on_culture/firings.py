"""The features of all agents on the quizzes of one origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from agents.scoring import graded_mask, mistakes
from culture_sim.features.comparisons import Compared
from culture_sim.features.on_culture.quizzes import NOBODY, EvaluatedQuizzes
from sae.activations.codes import agent_codes
from sae.activations.harvest import TokenRows, token_rows
from sae.contrasts.dissent import Contrast, Links, coactivation, contrast, match_strength
from sae.contrasts.occurrence import firing_shares
from sae.dictionaries.quality import measure_quality
from sae.dictionaries.slots import GRADED_QUIZZES
from sae.statistics.permutation import group_index

REGIONS = ("prompt", "right", "wrong")
"""Tokens: those given, and those of the answer that the dissenter has right and wrong."""
MEASURES = ("match_strength", "coactivation")
"""What is measured of pairs of agents; see ``sae.contrasts.dissent``."""


class FeatureFirings:
    """Quizzes of one origin, by the features of one comparison.

    alone: bool [Q], one agent is known to fail the quiz; dissenter: int64 [Q], which. direction:
    int64 [Q], in which it is asked; stratum: int64 [Q], a number for each direction and task.
    """

    def __init__(self, compared: Compared, quizzes: EvaluatedQuizzes) -> None:
        self._compared, self._batch = compared, quizzes.batch
        self._world = compared.run.config.world
        self.dissenter = quizzes.dissenter
        self.alone = quizzes.dissenter != NOBODY
        self.direction = quizzes.batch.layout.astype(np.int64)
        self.stratum = group_index(quizzes.batch.layout, quizzes.batch.task)
        self._rows: TokenRows = token_rows(self._world, quizzes.batch)

    def __len__(self) -> int:
        return len(self._batch)

    @cached_property
    def _codes(self) -> dict[int, sparse.csr_array]:
        """By agent, float32 [N, F]."""
        site, saes = self._compared.dictionary.site, self._compared.saes
        return {
            n: agent_codes(agent, self._world, self._batch, site, [saes[n]])[0]
            for n, agent in self._compared.agents.items()
        }

    @cached_property
    def _region(self) -> NDArray[np.int64]:
        """int64 [N]: number of each token's region; where nobody fails, all answers are right."""
        answer = graded_mask(self._world, self._batch)
        region = answer.astype(np.int64)
        for n, agent in self._compared.agents.items():
            failed = np.flatnonzero(self.dissenter == n)
            if len(failed):
                region[failed] += mistakes(agent, self._world, self._batch[failed])
        return np.asarray(region[self._rows.quiz, self._rows.position])

    @cached_property
    def shares(self) -> dict[int, NDArray[np.float32]]:
        """By agent, float32 [Q, F] of ``firing_shares``: at 16,384 features and 2,000 quizzes
        130 MB each."""
        return {
            n: firing_shares(codes, self._rows.quiz, len(self)) for n, codes in self._codes.items()
        }

    def contrasts(
        self,
        groups: Mapping[str, NDArray[np.bool_]],
        rngs: Mapping[str, np.random.Generator],
        resamples: int,
    ) -> Iterator[tuple[str, str, str, Contrast | None]]:
        """Every region, measure and group of quizzes [Q], with what the dissenters of the group's
        quizzes are to the others there."""
        for number, region in enumerate(REGIONS):
            for measure in MEASURES:
                values = {
                    pair: self._all_measured(measure, pair, links, number)
                    for pair, links in self._compared.links.items()
                }
                for name, group in groups.items():
                    chosen = ~self.alone | group
                    strengths = {pair: value[chosen] for pair, value in values.items()}
                    place = self.dissenter[chosen], self.stratum[chosen]
                    yield region, measure, name, contrast(strengths, *place, rngs[name], resamples)

    def _all_measured(
        self, measure: str, pair: tuple[int, int], links: Links, region: int
    ) -> NDArray[np.float64]:
        """float64 [Q]: of a pair of agents, on the tokens of one region, or what is like it."""
        values = self._measured(measure, pair, links, region)
        # Where nobody fails, no part of an answer is wrong.
        there = self._measured(measure, pair, links, min(region, 1))
        return np.where(self.alone, values, there)

    def _measured(
        self, measure: str, pair: tuple[int, int], links: Links, region: int
    ) -> NDArray[np.float64]:
        """float64 [Q]: of a pair of agents, on the tokens of one region."""
        quiz = np.where(self._region == region, self._rows.quiz, -1)
        a, b = (self._codes[n] for n in pair)
        if measure == "match_strength":
            return match_strength(a, links, quiz, len(self))
        return coactivation(a, b, links, quiz, len(self))

    def quality(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """By agent, how good its SAE is on quizzes without a dissenter, if there are any."""
        batch = self._batch[~self.alone][:GRADED_QUIZZES]
        for n, agent in self._compared.agents.items() if len(batch) else ():
            sae = self._compared.saes[n]
            site = self._compared.dictionary.site
            yield n, measure_quality(agent, self._world, batch, site, sae).as_dict()
