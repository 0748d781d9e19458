"""Baselines: what agents share by other means than the features of their SAEs.

Each gives every agent another dictionary, which is compared between agents in the same way as
the SAEs are. A baseline that reaches as high as the SAEs leaves them nothing to explain. One
baseline is one file in this package.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from scipy import sparse
from torch import Tensor

from agents.model import AgentModel
from sae.activations.harvest import TokenRows, activations
from world import QuizBatch, Registry, World

if TYPE_CHECKING:
    from sae_lens import TrainingSAE


class TrainedBaseline:
    """SAEs trained as the compared ones are, on other activations or in another way."""

    def source_model(self, agent: AgentModel, world: World, seed: int) -> AgentModel:
        """Whose activations the SAE is trained on: the agent's, or another's."""
        return agent

    @property
    def reads_the_agent(self) -> bool:
        """Whether the SAE is trained on the agent's own activations, as the compared ones are."""
        return type(self).source_model is TrainedBaseline.source_model

    def prepare(self, sae: TrainingSAE[Any]) -> None:
        """What is done to the SAE before its first step."""


class ReadBaseline(ABC):
    """A dictionary that needs no training."""

    def available(self, agent: AgentModel, site: str) -> bool:
        """Whether the baseline exists at a site."""
        return True

    @abstractmethod
    def codes(
        self, agent: AgentModel, world: World, batch: QuizBatch, site: str, rows: TokenRows
    ) -> sparse.csr_array:
        """float32 [N, F] of the batch's kept tokens, of which ``rows`` says what is known."""


class SiteBaseline(ReadBaseline):
    """One that is made of the activations at the site alone, which others read as well."""

    def codes(
        self, agent: AgentModel, world: World, batch: QuizBatch, site: str, rows: TokenRows
    ) -> sparse.csr_array:
        return self.codes_of(activations(agent, world, batch, site), rows)

    @abstractmethod
    def codes_of(self, x: Tensor, rows: TokenRows) -> sparse.csr_array:
        """float32 [N, F] of activations float32 [N, d], of which ``rows`` says what is known."""


Baseline = TrainedBaseline | ReadBaseline

baselines: Registry[Baseline] = Registry("baseline", "sae.dictionaries.baselines")

__all__ = ["Baseline", "ReadBaseline", "SiteBaseline", "TrainedBaseline", "baselines"]
