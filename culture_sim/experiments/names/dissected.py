"""An agent taken apart, a unit of its own: what is measured can change, and the agent stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from agents.circuits.heads import HeadScores, head_scores
from agents.circuits.paths import Network
from agents.circuits.statistics import Interval
from culture_sim.experiments.names.agent import AGAIN, Agent, load_agent
from culture_sim.experiments.names.cases import AFTER_S1, END, IO, S1, S2, cases_of
from culture_sim.experiments.names.circuit import Dissection, Measured
from culture_sim.experiments.names.effects import Sentences
from culture_sim.experiments.units import Place, Unit
from sae.files import read_arrays, write_arrays
from world import Stream
from world.core.files import read_json, write_json
from world.names import NamesWorld

MEASURES, ATTENTION = "circuit.json", "attention.npz"
QUERIES = (S1, AFTER_S1, S2, END)
PLACES = (IO, S1, AFTER_S1, S2, END)
"""Positions whose attention is kept as a picture, and those that it goes to."""
WORDS = ("name", "place", "object")
"""Kinds of words that all rungs have, said twice to score heads."""


@dataclass(frozen=True, kw_only=True)
class Dissected(Unit):
    """An agent taken apart. sentences: that effects are means over. through_mlps: whether MLPs
    between the ends of a path compute again."""

    version: ClassVar[int] = 2

    agent: Agent
    sentences: int
    through_mlps: bool

    @property
    def name(self) -> str:
        return self.agent.name.replace("agents/", "circuits/")

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        """What is measured, and mean attention between named positions."""
        world = self.agent.world
        # Sentences are the same for all agents of a rung.
        stream = Stream(0, "names-circuit")
        network = Network(load_agent(place, self.agent).to_transformer_lens())
        rng = stream.with_role("names-intervals").generator()
        cases = cases_of(world, self.sentences, stream)
        sentences = Sentences(network, cases, rng, self.through_mlps)
        measured = Dissection(sentences, scores_of(network, world, rng)).measured()
        write_json(folder / MEASURES, asdict(measured))
        write_arrays(folder / ATTENTION, attention=picture(sentences))
        return [MEASURES, ATTENTION]


def scores_of(network: Network, world: NamesWorld, rng: np.random.Generator) -> HeadScores:
    """Of every head on random words said twice, as many as there are and the sequence has room
    for."""
    words = np.concatenate([world.codec.words.values(kind) for kind in WORDS]).tolist()
    return head_scores(network, words, min((world.seq_len - 1) // 2, len(words)), rng)


def picture(sentences: Sentences) -> NDArray[np.float32]:
    """float32 [L, H, QUERIES, PLACES]: mean attention, from one named position to another."""
    columns, row = sentences.base.prompts.columns, torch.arange(len(sentences.cases.io))
    by_layer = [
        torch.stack(
            [
                torch.stack([pattern[row, :, columns[q], columns[k]].mean(0) for k in PLACES], -1)
                for q in QUERIES
            ],
            dim=1,
        )
        for pattern in sentences.base.patterns
    ]
    return torch.stack(by_layer).numpy()


def read_dissected(place: Place, unit: Dissected) -> Measured:
    """What a made unit measured."""
    tree = read_json(place.of(unit) / MEASURES, AGAIN)
    return Measured(
        Interval(**tree["difference"]),
        tree["preferred"],
        _intervals(tree["parts"]),
        tree["scores"],
        tree["kinds"],
        _intervals(tree["effects"]),
    )


def _intervals(tree: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Interval]]:
    return {
        name: {key: _interval(value) for key, value in found.items()}
        for name, found in tree.items()
    }


def _interval(tree: Mapping[str, float | None]) -> Interval:
    """JSON has null for NaN: a share of an attention of which there is nothing."""
    return Interval(**{key: float("nan") if x is None else x for key, x in tree.items()})


def read_picture(place: Place, unit: Dissected) -> NDArray[np.float32]:
    """See ``picture``."""
    return read_arrays(place.of(unit) / ATTENTION, ["attention"], AGAIN)["attention"]
