"""An experiment without agents: units that write a number, and a second batch that adds them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from culture_sim.experiments import experiments
from culture_sim.experiments.base import Experiment
from culture_sim.experiments.findings import Findings, Plot, Section, Shown, Verdict, row, tidy
from culture_sim.experiments.units import Place, Unit
from world.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Number(Unit):
    """Writes its number."""

    seed: int
    factor: int
    seconds: float

    @property
    def name(self) -> str:
        return f"numbers/{self.seed}"

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        if self.factor < 0:
            raise UserError("factor must not be negative")
        time.sleep(self.seconds)
        (folder / "number.txt").write_text(str(self.factor * self.seed))
        with (folder / "times.txt").open("a") as file:
            file.write("made\n")
        return ["number.txt"]


@dataclass(frozen=True, kw_only=True)
class Sum(Unit):
    """Adds what numbers wrote."""

    numbers: tuple[Number, ...]

    @property
    def name(self) -> str:
        return f"sum-of-{len(self.numbers)}"

    def make(self, folder: Path, place: Place) -> Sequence[str]:
        values = [int((place.of(n) / "number.txt").read_text()) for n in self.numbers]
        (folder / "sum.txt").write_text(str(sum(values)))
        return ["sum.txt"]


@experiments.register("toy")
@dataclass(frozen=True, kw_only=True)
class Toy(Experiment):
    """Numbers, and their sum."""

    title: ClassVar[str] = "A toy"
    question: ClassVar[str] = "Do numbers add up?"

    seeds: int = 3
    """How many numbers."""
    factor: int = 1
    """Of each number."""
    seconds: float = 0.0
    """How long a number takes."""

    @classmethod
    def quick(cls) -> Toy:
        return cls(seeds=1)

    def numbers(self) -> tuple[Number, ...]:
        return tuple(
            Number(seed=seed, factor=self.factor, seconds=self.seconds)
            for seed in range(self.seeds)
        )

    def batches(self, place: Place) -> Iterator[Sequence[Unit]]:
        yield self.numbers()
        yield [Sum(numbers=self.numbers())]

    def findings(self, place: Place) -> Findings:
        unit = Sum(numbers=self.numbers())
        total = int((place.of(unit) / "sum.txt").read_text())
        table = tidy([row("sum", total, unit="sum", seed=0)], {"seed": "int64"})
        verdict = Verdict("They add up.", "the sum is above 0", "confirmed", f"the sum is {total}")
        section = Section(
            "The sum",
            ["Of all <numbers>."],
            [Shown("Sums", ["what", "sum"], [["all", str(total)]])],
            [Plot("sum", "Nothing to see.", lambda figure: None)],
        )
        return Findings(table, [verdict], [section], {"sum": total})
