"""The names world, learned to the target: who did what to whom?"""

from dataclasses import replace

from agents.config import ModelConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from world.names import NamesWorld


@presets.register("names")
def names() -> RunConfig:
    """Five agents that tell whom something is done for, a round of culture, SAEs, their comparison.

    Of two names one is right, so an answer is guessed half of the time: a quiz is kept where four
    agents are sure of its answer, and the fifth is not.

    Command: make culture PRESET=names
    Hardware: two cores of an AMD EPYC (Zen 3, no bf16), no GPU.
    Wall-clock there: 9 minutes beside other work on both cores, of which training 5.
    Expected: five agents above 95 % of unseen sentences, after some 40,000 to 48,000 quizzes each;
    120 quizzes kept of 7,680; in the end 99 % of unseen sentences, and 36 to 64 % of those with
    somebody else named in between.
    """
    base = RunConfig()
    return replace(
        base,
        world=NamesWorld(),
        model=ModelConfig(d_model=64, n_layers=3, n_heads=4, d_mlp=256),
        train=replace(
            base.train, epoch_quizzes=8000, batch_size=64, ema_decay=0.99, writing_share=0.1
        ),
        culture=CultureConfig(
            rule=Likelihood(understood=0.8, failed=0.2, fewest=1, most=1),
            quota=120,
            max_proposals=12_800,
        ),
        sae=replace(
            base.sae,
            sites=("blocks.1.hook_resid_post",),
            widths=(256,),
            k=8,
            training_tokens=600_000,
            concept_quizzes=600,
        ),
    )
