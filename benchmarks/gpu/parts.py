"""The parts in order of value, with the time and the packages that each needs."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import Row

AGENTS = ("accelerate", "jaxtyping", "safetensors")
RUNS = (*AGENTS, "filelock", "numba", "pyarrow", "scipy")
COMMANDS = (
    "datasets",
    "jinja2",
    "pandas",
    "rich",
    "sae_lens",
    "setproctitle",
    "tensorboard",
    "transformer_lens",
    "tyro",
)
"""What the command line needs beside RUNS."""


@dataclass(frozen=True)
class Part:
    """One part.

    name: also the name of its file in this folder, up to a dot and the function. share: of the
    time, in parts of the sum of those that run. needs: packages without which it is left out.
    wants: packages without which it does less.
    """

    name: str
    share: float
    function: str
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()


PARTS = {
    part.name: part
    for part in (
        Part("machine", 6, "machine.figures"),
        Part("training", 26, "training.figures", AGENTS),
        Part("learning", 32, "learning.default", AGENTS),
        Part("learning-source", 14, "learning.source", AGENTS),
        Part("generation", 5, "generation.figures", AGENTS),
        Part("voting", 4, "voting.figures", AGENTS),
        Part("correlation", 6, "correlation.figures", ("numba", "scipy")),
        Part("demo", 13, "demo.figures", RUNS, COMMANDS),
    )
}


@dataclass(frozen=True)
class Setting:
    """How a part runs.

    until: seconds since the epoch at which it should have said everything. folder: where it may
    write. compiles: whether training is compiled. tiny: a tiny network and little of everything.
    """

    until: float
    folder: Path
    compiles: bool = True
    tiny: bool = False

    def left(self) -> float:
        """Seconds until then; negative afterwards."""
        return self.until - time.time()


@dataclass(frozen=True)
class Note:
    """A line that is no figure of its own, and figures that belong to it, ready for JSON."""

    text: str
    figures: dict[str, Any] = field(default_factory=dict)


Figures = Iterator[Row | Note]
"""What a part gives, each as soon as it is known."""


def missing(packages: tuple[str, ...]) -> list[str]:
    """Those of the packages that are not installed."""
    return [name for name in packages if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # half of an installation
        return False


def one_line(error: BaseException) -> str:
    """An exception as one line."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
