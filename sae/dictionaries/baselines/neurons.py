"""The neurons of the MLP in the block that the site belongs to, as they are.

Bricken et al. (2023) report a median best correlation of 0.46 between neurons of two models,
where features of their SAEs reach 0.72.
"""

from __future__ import annotations

import re

from scipy import sparse

from agents.hooks import site_names
from agents.model import AgentModel
from sae.activations.harvest import TokenRows, activation_chunks
from sae.activations.kernels import compress
from sae.dictionaries.baselines import ReadBaseline, baselines
from world import QuizBatch, World


class Neurons(ReadBaseline):
    """Hidden activations of one MLP."""

    def available(self, agent: AgentModel, site: str) -> bool:
        """Sites outside the blocks have no MLP."""
        return _hidden(site) in site_names(agent)

    def codes(
        self, agent: AgentModel, world: World, batch: QuizBatch, site: str, rows: TokenRows
    ) -> sparse.csr_array:
        """float32 [N, d_mlp]: what the neurons put out, zero where they are off."""
        chunks = activation_chunks(agent, world, batch, _hidden(site))
        return sparse.vstack([compress(chunk.cpu().numpy()) for chunk in chunks], format="csr")


def _hidden(site: str) -> str:
    block = re.match(r"blocks\.\d+\.", site)
    return f"{block.group()}mlp.hook_post" if block else ""


baselines.register("neurons")(Neurons())
