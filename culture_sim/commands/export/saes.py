"""Write a run's sparse autoencoders in sae_lens's layout, with complete metadata and a card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from culture_sim.commands.export import Material
from culture_sim.commands.export.agents import OfRun
from culture_sim.features.folders import dictionary_configs
from world.core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from culture_sim.run.run import Run
    from sae.config import DictionaryConfig


@dataclass(frozen=True, kw_only=True)
class OfDictionaries(OfRun):
    """An export of what dictionaries of a run hold."""

    site: str | None = None
    """Only of SAEs there."""
    dictionary: str | None = None
    """Only of these SAEs, such as batch_topk-512."""

    def chosen(self, run: Run) -> list[DictionaryConfig]:
        """The dictionaries that are asked for; raises UserError where there are none."""
        known = dictionary_configs(run.config)
        found = [
            one
            for one in known
            if self.site in (None, one.site) and self.dictionary in (None, one.name)
        ]
        if not found:
            names = ", ".join(f"{one.site} {one.name}" for one in known)
            raise UserError(f"no SAEs are there; known in {run.path}: {names}")
        return found


@dataclass(frozen=True, kw_only=True)
class ExportSAEs(OfDictionaries):
    """Everything that a command line can say."""

    def material(self, console: Console) -> Material:
        """The SAEs that the options ask for, all of which can be had."""
        from culture_sim.export.saes import SAEsExport  # loads sae_lens

        run, numbers = self.open_run()
        asked = SAEsExport(run, numbers, self.chosen(run))
        asked.refuse_missing()
        return Material(asked.record(), asked.write)


Kind = ExportSAEs
