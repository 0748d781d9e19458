"""Five small agents on small grids: the whole experiment on two cores."""

from culture_sim.config import RunConfig
from culture_sim.presets import presets


@presets.register("compact")
def compact() -> RunConfig:
    """The default.

    Command: make culture
    """
    return RunConfig()
