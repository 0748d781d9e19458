"""The brackets world, learned to the target: do agents count brackets, or nest them?"""

from dataclasses import replace

from agents.config import ModelConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.rules.likelihood import Likelihood
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from world.brackets import BracketsWorld


@presets.register("brackets")
def brackets() -> RunConfig:
    """Five agents that tell balanced strings, a round of culture, SAEs and their comparison.

    Trained without unbalanced strings of equal counts, agents follow different rules on these, and
    on these above all they disagree. Verdicts are guessed too easily for exact answers to mean
    much: a quiz is kept where four agents are sure of its verdict both ways, and the fifth of the
    other.

    Command: make culture PRESET=brackets
    Hardware: two cores of an AMD EPYC (Zen 4, bf16), no GPU.
    Wall-clock there: 12 minutes beside other work on both cores, of which training 3.
    Expected: five agents above 99.5 % of unseen strings; 124 quizzes kept of 8,960, four in five of
    them of equal counts, and of these most with the wrong verdict.
    """
    base = RunConfig()
    return replace(
        base,
        world=BracketsWorld(),
        model=ModelConfig(d_model=64, n_layers=2, n_heads=2, d_mlp=256),
        train=replace(
            base.train,
            target=0.995,
            epoch_quizzes=8000,
            batch_size=64,
            max_quizzes=800_000,
            ema_decay=0.99,
            writing_share=0.1,
        ),
        culture=CultureConfig(
            rule=Likelihood(understood=0.8, failed=0.2, fewest=1, most=1),
            quota=120,
            max_proposals=12_800,
        ),
        sae=replace(
            base.sae,
            sites=("blocks.0.hook_resid_post",),
            widths=(256,),
            k=8,
            training_tokens=600_000,
            concept_quizzes=600,
        ),
    )
