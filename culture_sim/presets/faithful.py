"""The published experiment: its own tasks on 10x10 grids, 37M parameters, network and recipe."""

from agents.architectures.culture_gpt import CultureGPTArchitecture
from agents.config import ModelConfig, TrainConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from sae.config import SAEConfig
from world.grids.world import SOURCE_TASKS, GridsWorld

UNLEARNED = ("bounce", "fill", "isometry", "path", "scale", "symbols", "trajectory")
"""The tasks of the source that its agents were not trained on."""


@presets.register("faithful")
def faithful() -> RunConfig:
    """F. Fleuret's culture of August 2024: model, optimiser, batch, noise, gate.

    Command: make culture PRESET=faithful
    Hardware: one GPU or more; not measured here yet.
    Expected: the source reports agents near 98 % on world quizzes.
    """
    return RunConfig(
        world=GridsWorld(
            height=10,
            width=10,
            colours=10,
            rectangles=3,
            tasks=SOURCE_TASKS,
            held_out_tasks=UNLEARNED,
        ),
        model=ModelConfig(
            CultureGPTArchitecture(),
            d_model=512,
            n_layers=12,
            n_heads=8,
            d_mlp=2048,
            dropout=0.1,
        ),
        train=TrainConfig(
            epoch_quizzes=40_000,
            max_quizzes=20_000_000,
            batch_size=25,
            optimizer="adam",
            learning_rate=5e-4,
            warmup_steps=0,
            cooling=0.0,
            part_weighting=0.0,
            ema_decay=0.0,
            writing_share=0.2,
            error_weighting=0.0,
            prompt_noise=0.05,
        ),
        culture=CultureConfig(quota=2400, max_proposals=160_000),
        sae=SAEConfig(
            sites=("blocks.6.hook_resid_post",),
            widths=(4096,),
            k=32,
            training_tokens=20_000_000,
            epochs_per_buffer=4,
            buffer_quizzes=512,
            batch_size=4096,
            comparison_quizzes=2000,
        ),
    )
