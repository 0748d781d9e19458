"""Which number format matrix products run in: decided once for all processes, by measuring.

What a processor says that it can is no measurement: one may claim bf16 and emulate it, at a
thirtieth of the speed of float32.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Literal

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from torch import Tensor

from agents.config import TrainConfig

Format = Literal["bf16", "fp32"]
DTYPES: dict[Format, torch.dtype] = {"bf16": torch.bfloat16, "fp32": torch.float32}
CLEARLY = 1.2
"""Times faster that bf16 must be: it is less exact, and conversions take their time too."""
REPEATS = 9
ENOUGH = 3
"""Repeats after which bf16 is given up if it is HOPELESS times slower; the first loads a kernel,
and any one may be interrupted."""
HOPELESS = 3.0


@dataclass(frozen=True)
class Formats:
    """The number format of each kind of product.

    network: of activations and weights or each other, in training, writing, scoring and votes.
    newton_schulz: of Muon's small square matrices. Autoencoders and statistics are in float32.
    """

    network: Format
    newton_schulz: Format

    def __str__(self) -> str:
        return f"{self.network} in the network, {self.newton_schulz} in Newton-Schulz"


@dataclass(frozen=True)
class Speedup:
    """How many times faster bf16 is than float32, for each kind of product."""

    network: float
    newton_schulz: float

    def formats(self) -> Formats:
        """bf16 for what is clearly faster in it."""
        kinds = (self.network, self.newton_schulz)
        network, newton_schulz = ("bf16" if ratio >= CLEARLY else "fp32" for ratio in kinds)
        return Formats(network, newton_schulz)  # type: ignore[arg-type]


def choose_formats(config: TrainConfig, device: torch.device) -> Formats:
    """What the options ask for; with "auto", what is fastest on the device."""
    if config.precision != "auto":
        return Formats(config.precision, config.precision)
    return fastest_formats(device)


@cache
def fastest_formats(device: torch.device) -> Formats:
    """The formats that are fastest here, on a processor by measuring once a process."""
    if device.type == "cuda":
        # A GPU has no other bf16 than one of tensor cores, and the flag leaves out emulation.
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
        return Formats("bf16", "bf16") if fast else Formats("fp32", "fp32")
    if device.type != "cpu":
        return Formats("fp32", "fp32")
    return measure_speedup().formats()


def measure_speedup() -> Speedup:
    """Products of both kinds timed in both formats on one thread of the processor, in about 10 ms.

    As wide as those of the default agent, and small: emulated at 1 GFLOP/s they take 0.1 s.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        activations, weights = _numbers(256, 96), _numbers(96, 384)
        squares = _numbers(8, 96, 96)
        return Speedup(_speedup(activations, weights), _speedup(squares, squares.mT))
    finally:
        torch.set_num_threads(threads)


def _numbers(*shape: int) -> Tensor:
    """Not random: the global generator is left alone. Nor zero, which may be quick."""
    return torch.linspace(-1.0, 1.0, torch.Size(shape).numel()).view(shape)


def _speedup(a: Tensor, b: Tensor) -> float:
    """Times that a @ b is faster in bf16: the fastest of several turns, since others only slow."""
    pairs = [(a.to(dtype), b.to(dtype)) for dtype in (torch.float32, torch.bfloat16)]
    fastest = [float("inf"), float("inf")]
    for turn in range(REPEATS):
        for place, (left, right) in enumerate(pairs):
            began = time.perf_counter()
            left @ right
            fastest[place] = min(fastest[place], time.perf_counter() - began)
        if turn + 1 >= ENOUGH and fastest[1] > HOPELESS * fastest[0]:
            break
    return fastest[0] / fastest[1]


PATIENCE = timedelta(days=30)
"""How long a process waits for the others: one may be comparing features while they are done."""


def process_state(**meeting: Any) -> PartialState:
    """This process's place among those that were started together, on a GPU or the processor.

    meeting: arguments of torch.distributed.init_process_group, where they have met already.
    """
    # Other accelerators (a Mac's, for one) are left alone: processes cannot meet over all of them,
    # and what they compute was never compared. accelerate takes what it finds unless told.
    return PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE, **meeting)


def unused_accelerator() -> str | None:
    """The kind of this machine's accelerator where there is one that is no CUDA GPU."""
    if torch.cuda.is_available() or not torch.accelerator.is_available():
        return None
    found = torch.accelerator.current_accelerator()
    return found.type if found is not None else None


def make_accelerator(config: TrainConfig, formats: Formats | None = None) -> Accelerator:
    """This process's accelerator, whose autocast has the network's format.

    A process has one format at a time, the last that it was asked for. formats: those agreed on
    with other processes; None: chosen here.
    """
    formats = formats or choose_formats(config, process_state().device)
    network = "bf16" if formats.network == "bf16" else "no"
    state = AcceleratorState._shared_state
    if state and state["_mixed_precision"] != network:
        AcceleratorState._reset_state()  # else a process would keep the format of its first agent
    return Accelerator(mixed_precision=network)
