"""The agents of a run as a folder for others: a card, and for each agent a folder of its forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import ModelCardData

from agents.checkpoint import MODEL
from agents.export import write_agent
from agents.scoring import graded_mask
from culture_sim.export.folder import RECORD
from culture_sim.export.told import run_record, write_card
from culture_sim.run.run import Run
from world import Stream
from world.core.files import file_hash, write_json
from world.core.options import name_of


@dataclass(frozen=True)
class AgentsExport:
    """Which agents of a run, by number, and in which of ``agents.export.FORMS``."""

    run: Run
    agents: Sequence[int]
    forms: Sequence[str]

    def record(self) -> Any:
        """What decides the bytes of the files, in JSON's types."""
        hashes = {str(n): file_hash(self.run.agent_path(n) / MODEL) for n in self.agents}
        return {**run_record(self.run, "agents"), "forms": [*self.forms], "agents": hashes}

    def command(self) -> list[str]:
        """The words that write the same files again."""
        numbers = map(str, self.agents)
        return ["agents", "--run", self.run.path.name, "--agents", *numbers, "--forms", *self.forms]

    def write(self, folder: Path) -> None:
        """Write all into an empty folder."""
        world, run = self.run.config.world, self.run
        model = run.load_agent(self.agents[0])
        for number in self.agents:
            write_agent(run.load_agent(number), world, folder / f"agent-{number}", self.forms)
        tokens, asked = self._example()
        transformers = "transformers" in self.forms
        write_card(
            folder,
            run,
            self.agents,
            self.command(),
            ModelCardData(
                license="mit",
                library_name="transformers" if transformers else "culture-sim",
                pipeline_tag="text-generation",
                tags=["culture-sim", "mechanistic-interpretability", world.name],
            ),
            model=run.config.model,
            architecture=name_of(run.config.model.architecture),
            parameters=sum(p.numel() for p in model.parameters()),
            forms=self.forms,
            first=self.agents[0],
            held=type(model.to_transformers()).__name__ if transformers else None,
            example=tokens,
            asked=asked,
        )
        write_json(folder / RECORD, self.record())

    def _example(self) -> tuple[list[int], int]:
        """An unseen quiz up to its first graded token, and how many tokens follow."""
        world = self.run.config.world
        batch = world.for_exam(world.draw(Stream(0, "card"), 0, 1, "test"))
        first = int(np.flatnonzero(graded_mask(world, batch)[0])[0])
        return batch.tokens[0, :first].tolist(), world.seq_len - first
