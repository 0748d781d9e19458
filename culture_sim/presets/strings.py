"""The strings world, learned to the target: everything but a grid, in a few minutes."""

from dataclasses import replace

from agents.config import ModelConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from world.strings import StringsWorld


@presets.register("strings")
def strings() -> RunConfig:
    """Five agents that learn rules on strings, one round of culture, SAEs and their comparison.

    Command: make culture PRESET=strings
    Hardware: two cores of an AMD EPYC (Zen 4, bf16), no GPU.
    Wall-clock there: three minutes, half of them training.
    Expected: five agents at 97 to 99 % of unseen quizzes, a fifth of the proposals kept.
    """
    base = RunConfig()
    return replace(
        base,
        world=StringsWorld(),
        model=ModelConfig(d_model=64, n_layers=3, n_heads=4, d_mlp=256),
        train=replace(
            base.train, epoch_quizzes=8000, batch_size=64, ema_decay=0.99, writing_share=0.1
        ),
        culture=CultureConfig(quota=120, max_proposals=12_800),
        sae=replace(
            base.sae,
            sites=("blocks.1.hook_resid_post",),
            widths=(256,),
            k=8,
            training_tokens=600_000,
            concept_quizzes=600,
        ),
    )
