"""One agent's heads: what they do, measured once and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.circuits.paths import Network, Part, head, mlp
from agents.circuits.profiles import Profiles, measure_profiles
from agents.model import AgentModel
from culture_sim.circuits.kinds import kinds
from culture_sim.circuits.prompts import FlippedPrompts
from culture_sim.run.reporting import Report
from sae.artifacts import digest, plain
from sae.dictionaries.slots import fingerprint
from sae.files import read_arrays, write_arrays
from world import Stream, World
from world.core.errors import UserError
from world.core.files import read_json, write_json
from world.core.options import to_tree

METHOD = 1
"""To be raised with every change of the code by which other effects or kinds are measured than
before: what was measured otherwise is then measured again."""
MARGIN = 0.1
"""Share of the difference of logits below which an effect is none."""
AGAIN = "remove it and run circuits again"


@dataclass(frozen=True)
class Heads:
    """An agent's parts. kinds: of every head, by its name; empty where a world tells none."""

    agent: int
    profiles: Profiles
    kinds: Mapping[str, Sequence[str]]

    def noise(self, idle: Sequence[str]) -> float:
        """The largest mean effect of any part when what should not matter is changed."""
        at = [self.profiles.changes.index(kind) for kind in idle]
        return float(np.abs(self.profiles.shares()[:, at]).max(initial=0.0))

    def active(self, idle: Sequence[str]) -> NDArray[np.bool_]:
        """bool [P]: whether a part has an effect above MARGIN and above the noise."""
        at = [n for n, kind in enumerate(self.profiles.changes) if kind not in idle]
        largest = np.abs(self.profiles.shares()[:, at]).max(axis=(1, 2))
        return np.asarray(largest > max(MARGIN, self.noise(idle)))


@dataclass(frozen=True)
class Laboratory:
    """Where and how agents are measured. folder: what is kept. prompts: the same for all agents."""

    folder: Path
    world: World
    prompts: FlippedPrompts
    stream: Stream
    report: Report

    def measure(self, agent: int, model: AgentModel, called: str) -> Heads:
        """An agent's parts, read back if they were measured before. called: in what is reported."""
        made = [METHOD, fingerprint(model), plain(to_tree(self.world)), len(self.prompts.base)]
        name = f"{agent}-{digest([*made, self.stream.seed()], size=5)}"
        arrays, told = self.folder / f"{name}.npz", self.folder / f"{name}.json"
        try:
            stored = read_arrays(arrays, ("effects", "metric"), AGAIN)
            kinds_told = read_json(told, AGAIN)
        except UserError:  # not there, or damaged
            network = Network(model.to_transformer_lens())
            profiles = self._profiles(network, called)
            self.report(f"{called}: kinds of heads")
            write_arrays(arrays, effects=profiles.effects, metric=profiles.metric)
            write_json(told, self._told(network, profiles))
            stored = read_arrays(arrays, ("effects", "metric"), AGAIN)
            kinds_told = read_json(told, AGAIN)
        parts = tuple(_part(text) for text in kinds_told["parts"])
        changes = tuple(kinds_told["changes"])
        profiles = Profiles(parts, changes, stored["effects"], stored["metric"])
        return Heads(agent, profiles, kinds_told["kinds"])

    def _profiles(self, network: Network, called: str) -> Profiles:
        def tick(done: int, total: int) -> None:
            self.report(f"{called}: effects of heads, {done} of {total} changes")

        prompts = self.prompts
        return measure_profiles(network, prompts.base, prompts.changed, prompts.metric, tick)

    def _told(self, network: Network, profiles: Profiles) -> dict[str, Any]:
        known: Mapping[str, Sequence[str]] = {}
        if self.world.name in kinds:
            tell = kinds[self.world.name]
            known = tell(self.world, network, len(self.prompts.base), self.stream)
        return {
            "parts": [str(part) for part in profiles.parts],
            "changes": list(profiles.changes),
            "kinds": {name: list(of) for name, of in known.items()},
        }


def _part(text: str) -> Part:
    """The inverse of ``str`` for heads and MLPs."""
    if text.startswith("m"):
        return mlp(int(text[1:]))
    layer, index = text.split(".")
    return head(int(layer), int(index))
