"""The published experiment's grids and size of network, learned the fast way."""

from dataclasses import replace

from agents.config import ModelConfig, TrainConfig
from culture_sim.presets import presets
from culture_sim.presets.faithful import faithful
from culture_sim.run.config import RunConfig
from world.grids.world import GridsWorld


@presets.register("fleuret")
def fleuret() -> RunConfig:
    """10x10 grids and 37M parameters; tasks, network and training of `compact`, larger batches.

    Command: make culture PRESET=fleuret
    Hardware: one GPU or more; not measured here yet (docs/scaling.md computes what it takes).
    Expected: 95 % and above, as `compact` on its smaller world.
    """
    return replace(
        faithful(),
        world=GridsWorld(height=10, width=10, colours=10, rectangles=3),
        model=ModelConfig(d_model=512, n_layers=12, n_heads=8, d_mlp=2048),
        # A GPU would idle in steps of 16 quizzes.
        train=TrainConfig(
            epoch_quizzes=16_000, max_quizzes=20_000_000, batch_size=32, ema_decay=0.99
        ),
    )
