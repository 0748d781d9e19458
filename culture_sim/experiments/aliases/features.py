"""Do features of an autoencoder that fire for a number fire for the alias linked with it?

A feature has a mean activation at every letter of either alphabet. Over numbers n, how does what it
is at n go with what it is at the alias of n? The same is asked with the letters paired by chance,
which is the null; an autoencoder that takes the alphabets apart has no feature that could pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from culture_sim.experiments.aliases.agent import AGAIN, Agent, load_agent
from culture_sim.experiments.units import Place, Unit
from sae.config import DictionaryConfig
from world.core.files import read_json, write_json

FIGURES, AUTOENCODER = "alike.json", "sae"
READ, ANSWERED = "as x is read", "before the answer"
"""Where a letter is: x, when the network has just read it; the answer, when it is about to."""
PAIRINGS = BY_LINK, BY_NUMBER, BY_CHANCE = "linked", "own", "permuted"
"""Which alias is held against a number: the one linked with it, its own, any."""
PERMUTATIONS = 200
ACTIVE = 8
"""Features of a token, in the mean."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Features(Unit):
    """An autoencoder of an agent of two tables, and what its features make of letters.

    tokens: that it is trained on, of held-out rows of both tables. width: its features.
    """

    agent: Agent
    tokens: int
    width: int

    @property
    def name(self) -> str:
        return f"features/{self.agent.name.rpartition('/')[2]}"

    @property
    def dictionary(self) -> DictionaryConfig:
        """At the end of the last block."""
        site = f"blocks.{self.agent.model.n_layers - 1}.hook_resid_post"
        return DictionaryConfig(site=site, d_sae=self.width, k=ACTIVE, training_tokens=self.tokens)

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """How alike features are at letters, by where these are; and the autoencoder's quality."""
        from culture_sim.experiments.aliases.letters import letter_means, trained_sae  # slow

        model, world = load_agent(place, self.agent), self.agent.world
        sae, quality = trained_sae(
            model, world, self.dictionary, folder / AUTOENCODER, self.agent.seed
        )
        rng = np.random.default_rng(self.agent.seed)
        means = letter_means(model, world, sae, self.dictionary.site)
        found = {where: alike(of, world.material.partner, rng) for where, of in means.items()}
        write_json(folder / FIGURES, {"alike": found, "quality": quality})
        return [FIGURES]


def read_features(place: Place, unit: Features) -> dict[str, Any]:
    """Of a made unit: "alike", by where letters are, as ``alike``; "quality"."""
    return dict(read_json(place.of(unit) / FIGURES, AGAIN))


def alike(means: Floats, partner: NDArray[np.int64], rng: np.random.Generator) -> dict[str, Any]:
    """How alike features are at numbers and aliases.

    means: float64 [2, p, F]. partner: int64 [p], of each number the alias linked with it. Returns
    "live", features that are not the same at all letters of both alphabets; "both", those that
    are so of neither; by pairing, over live features, the mean "correlation" over numbers, 0 of
    those that are not of both, and the share whose "strongest" number has their strongest alias; of
    pairs by chance, means over permutations; "p", the share of permutations (the pairing itself
    counted among them) whose correlation is no less than that of linked letters.
    """
    spread = means.std(axis=1)
    live, both = (spread > 0).any(axis=0), (spread > 0).all(axis=0)
    found: dict[str, Any] = {"live": int(live.sum()), "both": int(both.sum())}
    if not live.any():
        return found
    chosen = means[:, :, both]
    scaled = (chosen - chosen.mean(axis=1, keepdims=True)) / spread[:, None, both]

    def of(pairing: NDArray[np.int64]) -> dict[str, float]:
        """pairing: int64 [p], the alias that each number is held against."""
        together = (scaled[0] * scaled[1][pairing]).mean(axis=0).sum()
        same = pairing[chosen[0].argmax(axis=0)] == chosen[1].argmax(axis=0)
        return {
            "correlation": float(together / live.sum()),
            "strongest": float(same.sum() / live.sum()),
        }

    chance = [of(rng.permutation(len(partner))) for _ in range(PERMUTATIONS)]
    linked = of(partner)
    more = sum(one["correlation"] >= linked["correlation"] for one in chance)
    return {
        **found,
        BY_LINK: linked,
        BY_NUMBER: of(np.arange(len(partner))),
        BY_CHANCE: {key: float(np.mean([one[key] for one in chance])) for key in linked},
        "p": (1 + more) / (1 + PERMUTATIONS),
    }
