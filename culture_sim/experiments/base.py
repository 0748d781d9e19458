"""The interface of an experiment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from culture_sim.experiments.findings import Findings
from culture_sim.experiments.units import Place, Unit


@dataclass(frozen=True, kw_only=True)
class Experiment(ABC):
    """A question, and the work that answers it; the fields are its options, all with a default."""

    title: ClassVar[str]
    """Of its page."""
    question: ClassVar[str]
    """What it finds out, in a sentence or two."""

    @classmethod
    @abstractmethod
    def quick(cls) -> Self:
        """The same so small that it takes about a minute: for tests, and to see that it works."""

    @abstractmethod
    def batches(self, place: Place) -> Iterator[Sequence[Unit]]:
        """The units, batch by batch. All of a batch are made before the next is asked for, so what
        is in this may depend on what the last one measured."""

    @abstractmethod
    def findings(self, place: Place) -> Findings:
        """What the units, all made, come to. Nothing is trained here."""
