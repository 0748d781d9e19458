"""The aliases world, learned until held-out cells are filled in: arithmetic in two alphabets."""

from dataclasses import replace

from agents.config import ModelConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from world.aliases import AliasesWorld


@presets.register("aliases")
def aliases() -> RunConfig:
    """Five agents that fill in two tables, a round of culture, SAEs, their comparison.

    Agents know the cells they train on long before they fill in any other: weight decay makes
    them.

    Command: make culture PRESET=aliases
    Hardware: two cores of an AMD EPYC (Zen 3, no bf16), no GPU.
    Wall-clock there: 16 minutes beside other work, ten of them training. On one core of an Intel
    Xeon (bf16 and AMX) 5 minutes.
    Expected: five agents at 95 to 99 % of unseen cells after some 260,000 rows each; one in a
    hundred proposals kept.
    """
    base = RunConfig()
    return replace(
        base,
        world=AliasesWorld(),
        model=ModelConfig(d_model=128, n_layers=1, n_heads=4, d_mlp=512),
        train=replace(
            base.train,
            test_quizzes=500,
            validation_quizzes=300,
            epoch_quizzes=25_600,
            max_quizzes=1_024_000,
            batch_size=256,
            weight_decay=3.0,
            cooling=0.0,
            ema_decay=0.99,
            writing_share=0.1,
            error_weighting=0.0,
        ),
        culture=CultureConfig(quota=120, max_proposals=12_800),
        sae=replace(
            base.sae,
            sites=("blocks.0.hook_resid_post",),
            widths=(256,),
            k=8,
            training_tokens=600_000,
            concept_quizzes=600,
        ),
    )
