"""What the processes of test_replicas.py and the test itself work on."""

from agents.config import ModelConfig
from agents.model import AgentModel, build_model
from world import QuizBatch, Stream, World
from world.grids.world import GridsWorld

BATCH = 7
"""Quizzes of a step: no multiple of the processes."""


def model_and_world() -> tuple[AgentModel, World]:
    """A tiny untrained agent."""
    world = GridsWorld()
    model = build_model(ModelConfig(d_model=16, n_layers=2, n_heads=2, d_mlp=32), world, seed=0)
    return model, world


def quizzes(world: World) -> QuizBatch:
    """Quizzes in the forward layout, no multiple of the processes either."""
    return world.draw(Stream(0, "crew"), 0, 50, "test")
