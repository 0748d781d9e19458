"""As `smoke`, in the strings world: the whole experiment on something that is no grid."""

from dataclasses import replace

from culture_sim.presets import presets
from culture_sim.presets.smoke import smoke
from culture_sim.run.config import RunConfig
from world.strings.world import StringsWorld


@presets.register("smoke-strings")
def smoke_strings() -> RunConfig:
    """Asks for no accuracy, as `smoke` does.

    Command: make culture PRESET=smoke-strings
    Hardware: two cores, no GPU.
    Wall-clock there: a minute after set-up.
    Expected: agents near 0 %; they see too few quizzes to answer any.
    """
    return replace(smoke(), world=StringsWorld())
