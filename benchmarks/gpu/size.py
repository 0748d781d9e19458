"""What is measured: the published size of world and network, or those of `smoke`."""

from __future__ import annotations

import torch

from benchmarks.gpu.parts import Setting
from benchmarks.measure import device
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig


def published(setting: Setting) -> RunConfig:
    """10x10 grids and a network of 37.8M parameters."""
    return presets["smoke" if setting.tiny else "fleuret"]()


def number_format(bf16: bool) -> tuple[torch.dtype, str]:
    """In which matrices are multiplied by an accelerator in bf16 or not, and its name."""
    if bf16:
        return torch.bfloat16, "bf16"
    tf32 = device().type == "cuda" and torch.backends.cuda.matmul.allow_tf32
    return torch.float32, "TF32" if tf32 else "float32"
