"""One agent: its network, how it learns, writes and scores quizzes, and what it computes inside.

``build_model`` makes a network for a world, ``Learner`` trains it, ``evaluate`` and ``score`` say
what it gets right, ``generate`` and ``answers`` have it write. ``capture`` and ``intervene`` read
and change activations; ``agents.circuits`` is what is built on them. Architectures are registered
in ``agents.config.architectures``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.config import ModelConfig, TrainConfig
    from agents.evaluation import Evaluation, evaluate
    from agents.generation import generate
    from agents.hooks import capture, intervene, site_names
    from agents.model import AgentModel, build_model, shift
    from agents.precision import make_accelerator
    from agents.scoring import Scores, answers, score
    from agents.training import Learner, mixed_draw, unseen_quizzes

__all__ = [
    "AgentModel",
    "Evaluation",
    "Learner",
    "ModelConfig",
    "Scores",
    "TrainConfig",
    "answers",
    "build_model",
    "capture",
    "evaluate",
    "generate",
    "intervene",
    "make_accelerator",
    "mixed_draw",
    "score",
    "shift",
    "site_names",
    "unseen_quizzes",
]
_MODULES = {
    "agents.config": ("ModelConfig", "TrainConfig"),
    "agents.evaluation": ("Evaluation", "evaluate"),
    "agents.generation": ("generate",),
    "agents.hooks": ("capture", "intervene", "site_names"),
    "agents.model": ("AgentModel", "build_model", "shift"),
    "agents.precision": ("make_accelerator",),
    "agents.scoring": ("Scores", "answers", "score"),
    "agents.training": ("Learner", "mixed_draw", "unseen_quizzes"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    # Loaded when first used, because what needs no network must not wait for torch.
    if name not in _HOME:
        raise AttributeError(f"module 'agents' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
