"""What is measured: the published size of world and network, or those of `smoke`."""

from __future__ import annotations

from benchmarks.gpu.parts import Setting
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig


def published(setting: Setting) -> RunConfig:
    """10x10 grids and a network of 37.8M parameters."""
    return presets["smoke" if setting.tiny else "fleuret"]()
