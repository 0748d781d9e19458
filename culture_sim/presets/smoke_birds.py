"""As `smoke`, in the birds world, by the rule of its source."""

from dataclasses import replace

from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.presets import presets
from culture_sim.presets.smoke import smoke
from culture_sim.run.config import RunConfig
from world.birds import BirdsWorld


@presets.register("smoke-birds")
def smoke_birds() -> RunConfig:
    """Asks for no accuracy, as `smoke` does.

    Command: make culture PRESET=smoke-birds
    Hardware: two cores, no GPU.
    Wall-clock there: a minute after set-up.
    Expected: agents near 0 %; they see too few quizzes to answer any.
    """
    base = smoke()
    return replace(
        base, world=BirdsWorld(), culture=replace(base.culture, rule=AllButK(others=True))
    )
