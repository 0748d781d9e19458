"""The source's first world: birds that fly, learned to the source's target on two cores."""

from dataclasses import replace

from agents.config import ModelConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from world.birds import BirdsWorld


@presets.register("birds")
def birds() -> RunConfig:
    """F. Fleuret's culture of June 2024 with small networks: target, rule and number of quizzes.

    `--culture.rule four_of_five` counts the vote of the agent that proposes as well.

    Command: make culture PRESET=birds
    Hardware: two cores of an Intel Xeon (bf16 and AMX), no GPU.
    Wall-clock there: 21 minutes with one process beside other work, of which training 10 and the
    round 8; 11 with two and at most 24,000 proposals. On an AMD EPYC (Zen 3, no bf16) the latter
    took 40, beside three other jobs.
    Expected: five agents at 97.5 % of unseen quizzes and above, after 48,000 to 80,000 quizzes
    each; of quizzes of four birds they then answer 90 to 97 %; 1,031 quizzes kept of 37,120.
    """
    base = RunConfig()
    return replace(
        base,
        world=BirdsWorld(),
        model=ModelConfig(d_model=64, n_layers=3, n_heads=4, d_mlp=256),
        train=replace(
            base.train,
            target=0.975,
            epoch_quizzes=8000,
            batch_size=32,
            ema_decay=0.99,
            writing_share=0.1,
        ),
        culture=CultureConfig(rule=AllButK(others=True), quota=1000, max_proposals=40_000),
        sae=replace(
            base.sae,
            sites=("blocks.1.hook_resid_post",),
            widths=(256,),
            k=8,
            training_tokens=600_000,
            concept_quizzes=600,
        ),
    )
