"""What the dictionaries of agents make of quizzes: SAEs and baselines alike, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sae_lens import SAE
from scipy import sparse
from torch import cat

from agents.model import AgentModel
from sae.activations.codes import agent_codes, encode_chunks
from sae.activations.harvest import TokenRows
from sae.activations.kept import KeptActivations
from sae.dictionaries.baselines import ReadBaseline, SiteBaseline, baselines
from sae.dictionaries.slots import SAESlot
from sae.dictionaries.training import load_sae
from world import QuizBatch, World


class AgentDictionaries:
    """The dictionaries of agents at one site, of one architecture and width.

    A name is that of a baseline, or the role of an SAE: "0" for the compared one, "1" and so on for
    others of the same agent. batch: quizzes whose activations are asked for again and again.
    """

    def __init__(
        self,
        agents: Mapping[int, AgentModel],
        slots: Sequence[SAESlot],
        world: World,
        site: str,
        batch: QuizBatch,
    ) -> None:
        self.agents, self._world, self._site = agents, world, site
        self.activations = KeptActivations(agents, world, batch, site)
        self._slots = {(slot.agent, slot.role): slot for slot in slots}
        # Here and not where they are needed, which is on several threads: weights are drawn from
        # PyTorch's global generator.
        self._source_models = {
            key: slot.baseline.source_model(agents[slot.agent], world, slot.seed)
            for key, slot in self._slots.items()
        }

    def available(self, name: str) -> bool:
        """Whether a baseline exists at the site."""
        baseline, agent = baselines[name], next(iter(self.agents.values()))
        return not isinstance(baseline, ReadBaseline) or baseline.available(agent, self._site)

    def load(self, agent: int, role: str = "0", device: str = "cpu") -> SAE[Any]:
        """An SAE of an agent."""
        return load_sae(self._slots[agent, role].path, device)

    def codes(
        self, agent: int, names: Sequence[str], quizzes: QuizBatch, rows: TokenRows
    ) -> list[sparse.csr_array]:
        """Codes float32 [N, F] of a batch's rows by a read baseline, or by SAEs of some roles, all
        of which read the same activations."""
        baseline = None if names[0].isdigit() else baselines[names[0]]
        if isinstance(baseline, SiteBaseline):
            return [baseline.codes_of(cat(list(self.activations.chunks(agent, quizzes))), rows)]
        if isinstance(baseline, ReadBaseline):
            model = self.agents[agent]
            return [baseline.codes(model, self._world, quizzes, self._site, rows)]
        model = self._source_models[agent, names[0]]
        device = str(next(model.parameters()).device)
        saes = [self.load(agent, name, device) for name in names]
        if model is self.agents[agent]:
            return encode_chunks(self.activations.chunks(agent, quizzes), saes)
        return agent_codes(model, self._world, quizzes, self._site, saes)
