"""Five small agents on small grids: the whole experiment on two cores."""

from culture_sim.config import RunConfig
from culture_sim.presets import presets


@presets.register("compact")
def compact() -> RunConfig:
    """The default.

    Command: make culture
    Hardware: two cores of an AMD EPYC (Zen 4, bf16), no GPU.
    Wall-clock there: 19 minutes, of which training 12.
    Expected: five agents at 95 to 97 % of unseen quizzes, 260 quizzes kept of 8,960, features
    0.66 of the way from the null to the ceiling.
    """
    return RunConfig()
