"""The SAEs of a run as a folder for others, in sae_lens's layout with complete metadata."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData
from sae_lens.constants import SAE_CFG_FILENAME, SAE_WEIGHTS_FILENAME

from culture_sim.export.folder import RECORD
from culture_sim.export.told import run_record, write_card
from culture_sim.features.folders import SUMMARY, features_path, read_comparison
from culture_sim.features.stage import sae_slots
from culture_sim.run.run import Run
from sae.artifacts import FILES
from sae.config import DictionaryConfig
from sae.dictionaries.slots import SAESlot, sae_done
from sae.dictionaries.training import load_sae
from world.core.errors import UserError
from world.core.files import json_text, let_umask_decide, write_json
from world.core.options import to_tree

OF_BLOCK = re.compile(r"blocks\.(\d+)\.")


@dataclass(frozen=True)
class SAEsExport:
    """The SAEs of some dictionaries of a run, and of some agents, by number: of each the one whose
    features are compared."""

    run: Run
    agents: Sequence[int]
    dictionaries: Sequence[DictionaryConfig]

    def refuse_missing(self) -> None:
        """Raise UserError where one is not trained, or of other weights of its agent."""
        for number in self.agents:
            model = self.run.load_agent(number)
            for dictionary in self.dictionaries:
                if not sae_done(model, dictionary, self._slot(number, dictionary)):
                    raise UserError(
                        f"the SAE {dictionary.name} of agent {number} of {self.run.path} at "
                        f"{dictionary.site} is not trained on the agent as it is; run first: "
                        f"culture-sim sae --run {self.run.path.name}"
                    )

    def record(self) -> Any:
        """What decides the bytes of the files, in JSON's types."""
        hashes = {
            place(number, dictionary): self._slot(number, dictionary).record()[FILES]
            for number in self.agents
            for dictionary in self.dictionaries
        }
        return {**run_record(self.run, "saes"), "saes": hashes}

    def command(self) -> list[str]:
        """The words that write the same files again."""
        words = ["saes", "--run", self.run.path.name, "--agents", *map(str, self.agents)]
        if len(self.dictionaries) == 1:
            one = self.dictionaries[0]
            words += ["--site", one.site, "--dictionary", one.name]
        return words

    def write(self, folder: Path) -> None:
        """Write all into an empty folder."""
        for number in self.agents:
            for dictionary in self.dictionaries:
                self._write(number, dictionary, folder / place(number, dictionary))
        one, world = self.dictionaries[0], self.run.config.world
        write_card(
            folder,
            self.run,
            self.agents,
            self.command(),
            ModelCardData(
                license="mit",
                library_name="saelens",
                tags=["culture-sim", "sparse-autoencoder", "mechanistic-interpretability"],
            ),
            first=self.agents[0],
            bridged=self.run.load_agent(self.agents[0]).network_parts().ends_in_norm,
            sae=place(self.agents[0], one),
            site=one.site,
            seq_len=world.seq_len,
            qualities=[
                (number, dictionary, self._slot(number, dictionary).record()["quality"])
                for dictionary in self.dictionaries
                for number in self.agents
            ],
            comparisons=self._comparisons(),
        )
        write_json(folder / RECORD, self.record())

    def _slot(self, number: int, dictionary: DictionaryConfig) -> SAESlot:
        slots = sae_slots(self.run, dictionary)
        return next(slot for slot in slots if slot.agent == number and slot.role == "0")

    def _write(self, number: int, dictionary: DictionaryConfig, folder: Path) -> None:
        slot = self._slot(number, dictionary)
        load_sae(slot.path)  # raises where it is damaged
        folder.mkdir(parents=True)
        shutil.copyfile(slot.path / SAE_WEIGHTS_FILENAME, folder / SAE_WEIGHTS_FILENAME)
        config = json.loads((slot.path / SAE_CFG_FILENAME).read_text("utf-8"))
        config["metadata"] |= self._metadata(number, dictionary, slot)
        text = json_text(config, indent=2, sort_keys=True) + "\n"
        (folder / SAE_CFG_FILENAME).write_text(text, "utf-8")
        let_umask_decide(folder / SAE_WEIGHTS_FILENAME)

    def _metadata(self, number: int, dictionary: DictionaryConfig, slot: SAESlot) -> dict[str, Any]:
        """What sae_lens and its kin ask of an SAE, and what they have no names for."""
        record, block = slot.record(), OF_BLOCK.match(dictionary.site)
        return {
            "model_name": f"{self.run.path.name}/agent-{number}",
            "model_class_name": "HookedTransformer",
            "hook_name": dictionary.site,
            "hook_layer": int(block[1]) if block else 0,
            "context_size": self.run.config.world.seq_len,
            "prepend_bos": False,
            "exclude_special_tokens": False,
            "training_tokens": dictionary.training_tokens,
            "l0": record["quality"]["l0"],
            "culture_sim": {
                "run": self.run.path.name,
                "agent": number,
                "world": to_tree(self.run.config.world),
                "vocab": self.run.config.world.vocab,
                "made_from": dict(record["made_from"]),
                "quality": dict(record["quality"]),
            },
        }

    def _comparisons(self) -> list[tuple[DictionaryConfig, dict[str, Any]]]:
        """Of the dictionaries that are compared, the figures."""
        found = [(one, features_path(self.run, one)) for one in self.dictionaries]
        name = self.run.path.name
        return [
            (one, read_comparison(path, name)) for one, path in found if (path / SUMMARY).exists()
        ]


def place(number: int, dictionary: DictionaryConfig) -> str:
    """The folder of an SAE, by which sae_lens finds it in a repository."""
    return f"agent-{number}/{dictionary.site}/{dictionary.name}"
