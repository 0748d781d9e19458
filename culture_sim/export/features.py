"""The features of a run as a folder for Neuronpedia: a folder of JSON for each SAE, and a card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCardData

from culture_sim.export.folder import RECORD
from culture_sim.export.neuronpedia import AgentFeatures
from culture_sim.export.saes import OF_BLOCK, place
from culture_sim.export.told import run_record, write_card
from culture_sim.features.comparisons import Compared
from culture_sim.run.run import Run
from sae.activations.codes import agent_codes
from sae.comparison.logits import logit_weights
from world.core.files import json_text, write_json

FILE = 128
"""Features of a file, as Neuronpedia's tools write them."""


@dataclass(frozen=True)
class FeaturesExport:
    """The compared features of some agents of a run, by number, in some comparisons of it.

    top: quizzes of highest activation shown of each feature. of_interval: quizzes shown of each
    interval of its activations.
    """

    run: Run
    agents: Sequence[int]
    comparisons: Sequence[Compared]
    top: int
    of_interval: int

    def record(self) -> Any:
        """What decides the bytes of the files, in JSON's types."""
        made_from = {
            f"{one.dictionary.site}/{one.dictionary.name}": one.made_from
            for one in self.comparisons
        }
        which = {"agents": [*self.agents], "comparisons": made_from}
        return {**run_record(self.run, "features"), **which, **self._shown()}

    def _shown(self) -> dict[str, int]:
        return {"top": self.top, "of_interval": self.of_interval}

    def command(self) -> list[str]:
        """The words that write the same files again."""
        words = ["features", "--run", self.run.path.name, "--agents", *map(str, self.agents)]
        if len(self.comparisons) == 1:
            one = self.comparisons[0].dictionary
            words += ["--site", one.site, "--dictionary", one.name]
        shown = self._shown().items()
        return [*words, *(w for name, n in shown for w in (f"--{name.replace('_', '-')}", str(n)))]

    def write(self, folder: Path, report: Callable[[str], None]) -> None:
        """Write all into an empty folder. report: told what is at work."""
        written = []
        for compared in self.comparisons:
            for number in self.agents:
                report(f"features of agent {number}, {compared.dictionary.site}")
                features = self._of(compared, number)
                where = place(number, compared.dictionary)
                self._write(features, folder / where)
                written.append((where, features))
        write_card(
            folder,
            self.run,
            self.agents,
            self.command(),
            DatasetCardData(
                license="mit",
                pretty_name=f"Features of agents of culture-sim: run {self.run.path.name}",
                tags=["culture-sim", "sparse-autoencoder", "neuronpedia"],
                viewer=False,
            ),
            written=written,
            per_file=FILE,
            **self._shown(),
        )
        write_json(folder / RECORD, self.record())

    def _of(self, compared: Compared, number: int) -> AgentFeatures:
        world, run, site = self.run.config.world, self.run.path.name, compared.dictionary.site
        model, sae = compared.agents[number], compared.saes[number]
        (codes,) = agent_codes(model, world, compared.quizzes, site, [sae])
        block = OF_BLOCK.match(site)
        hook = site[block.end() :] if block else site
        return AgentFeatures(
            model_id=f"culture-sim-{run}-agent-{number}",
            layer=int(block[1]) if block else 0,
            sae_set=f"{hook}-{compared.dictionary.name}".replace("_", "-").replace(".", "-"),
            dataset=f"held-out quizzes of the world {world.name}, run {run} of culture-sim",
            world=world,
            batch=compared.quizzes,
            rows=compared.rows,
            codes=codes,
            logits=logit_weights(model, site, sae.W_dec),
            decoder=sae.W_dec.detach().float().cpu().numpy(),
        )

    def _write(self, features: AgentFeatures, folder: Path) -> None:
        folder.mkdir(parents=True)
        for number, tree in enumerate(features.batches(FILE, self.top, self.of_interval)):
            (folder / f"batch-{number}.json").write_text(_compact(tree), "utf-8")
        (folder / "skipped_indexes.json").write_text(_compact(features.skipped()), "utf-8")


def _compact(tree: Any) -> str:
    return json_text(tree, separators=(",", ":"))
