"""The aliases world as its source has it: a large prime, and a network of attention alone."""

from dataclasses import replace

from agents.config import ModelConfig
from culture_sim.presets import presets
from culture_sim.presets.aliases import aliases
from culture_sim.run.config import RunConfig
from world.aliases import AliasesWorld


@presets.register("aliases-source")
def aliases_source() -> RunConfig:
    """The sizes and recipe of the repository ancri/mechinterp, as far as agents can have them: two
    layers of attention alone, Adam with decoupled weight decay, 50,000 steps, p = 997.

    Heads have 32 dimensions and not 128, Adam's second beta is 0.999 and not 0.98, a step has
    256 rows of each kind in the mean, and gradients are not clipped.

    Command: make culture PRESET=aliases-source
    Hardware: a GPU; not measured here.
    Expected: nothing that is known; the source has no result.
    """
    base = aliases()
    return replace(
        base,
        world=AliasesWorld(modulus=997, held_out=(0.6, 0.6), hold_out="cells"),
        model=ModelConfig(d_model=128, n_layers=2, n_heads=4, d_mlp=0),
        train=replace(
            base.train,
            optimizer="adam",
            learning_rate=1.4e-3,
            weight_decay=0.1,
            warmup_steps=1000,
            ema_decay=0.0,
            writing_share=0.0,
            epoch_quizzes=768_000,
            max_quizzes=38_400_000,
            batch_size=768,
        ),
        sae=replace(base.sae, sites=("blocks.1.hook_resid_post",)),
    )
