"""Which number format the matrix products run in, decided once from the device."""

from __future__ import annotations

from datetime import timedelta

import torch
from accelerate import Accelerator, PartialState

from agents.config import TrainConfig


def fast_bf16(device: torch.device) -> bool:
    """True where the hardware multiplies bf16 matrices faster than fp32 ones."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16"))


PATIENCE = timedelta(days=30)
"""How long a process waits for the others: one may be comparing features while they are done."""


def process_state() -> PartialState:
    """This process's place among those that were started together."""
    # It looks for other CPU processes only if it is told that the CPU is meant.
    return PartialState(cpu=not torch.accelerator.is_available(), timeout=PATIENCE)


def make_accelerator(config: TrainConfig) -> Accelerator:
    """This process's accelerator, in bf16 if the configuration and the device agree."""
    device = process_state().device
    bf16 = config.precision == "bf16" or (config.precision == "auto" and fast_bf16(device))
    return Accelerator(mixed_precision="bf16" if bf16 else "no")
