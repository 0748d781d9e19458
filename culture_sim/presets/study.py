"""A world that small agents learn in a few minutes, and much culture in the mix."""

from dataclasses import replace

from culture_sim.culture.config import CultureConfig
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from sae.comparison.nulls.within_cell import WithinCell
from world.grids.world import GridsWorld


@presets.register("study")
def study() -> RunConfig:
    """What `culture-sim study` starts from: three rounds, whose quizzes are seen often.

    Command: culture-sim study
    Hardware: two cores, no GPU.
    Wall-clock there: about 6 minutes for each arm of a seed, 9 for its first training.
    Expected: agents at 95 % of four tasks before culture.
    """
    base = RunConfig()
    return replace(
        base,
        rounds=3,
        world=GridsWorld(
            height=7, width=7, tasks=("replace_color", "frame", "half_fill", "detect")
        ),
        train=replace(base.train, test_quizzes=1000),
        culture=CultureConfig(quota=1_280, max_proposals=1_280),
        sae=replace(base.sae, baselines=(), nulls=(WithinCell(),), concept_quizzes=200),
        compare_on_culture=False,
    )
