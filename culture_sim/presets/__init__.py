"""Named configurations; each file states its command, hardware, wall-clock and expected score."""

from collections.abc import Callable

from culture_sim.run.config import RunConfig
from world import Registry

presets: Registry[Callable[[], RunConfig]] = Registry("preset", "culture_sim.presets")

__all__ = ["presets"]
