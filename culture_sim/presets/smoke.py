"""Everything in a couple of minutes, nothing learned to the end: for tests and a first look."""

from agents.config import ModelConfig, TrainConfig
from culture_sim.culture.config import CultureConfig
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig
from sae.config import SAEConfig


@presets.register("smoke")
def smoke() -> RunConfig:
    """Asks for no accuracy, so the quizzes it keeps and the features it finds mean nothing.

    Command: make demo
    Hardware: two cores, no GPU.
    Wall-clock there: a minute after set-up.
    Expected: agents near 0 %; they see too few quizzes to answer any.
    """
    return RunConfig(
        model=ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=64),
        train=TrainConfig(
            target=0.0,
            test_quizzes=60,
            validation_quizzes=30,
            recombined_quizzes=30,
            epoch_quizzes=160,
            max_quizzes=160,
        ),
        culture=CultureConfig(
            batch_size=32, shard_batches=5, quota=5, max_proposals=160, transfer_quizzes=30
        ),
        sae=SAEConfig(
            sites=("blocks.1.hook_resid_post",),
            widths=(64,),
            k=8,
            training_tokens=24_000,
            epochs_per_buffer=2,
            buffer_quizzes=128,
            batch_size=512,
            comparison_quizzes=120,
            concept_quizzes=20,
            baselines=("neurons",),
            permutations=2,
            resamples=20,
        ),
    )
