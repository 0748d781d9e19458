"""Everything in a couple of minutes, nothing learned to the end: for tests and a first look."""

from agents.config import ModelConfig, TrainConfig
from culture_sim.config import RunConfig
from culture_sim.presets import presets


@presets.register("smoke")
def smoke() -> RunConfig:
    """Asks for no accuracy, so the quizzes it keeps and the features it finds mean nothing.

    Command: make demo
    """
    return RunConfig(
        model=ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=64),
        train=TrainConfig(
            target=0.0, test_quizzes=200, gate_quizzes=100, epoch_quizzes=1600, max_quizzes=3200
        ),
    )
