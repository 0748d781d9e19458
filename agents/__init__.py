"""One agent: its network, how it learns, writes and scores quizzes, and what it computes inside.

The public names below are loaded when first used, because the options alone must not wait
for torch. Architectures are registered in ``agents.model.architectures``.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = {
    "agents.checkpoint": ("read_model", "read_state", "save_checkpoint"),
    "agents.config": ("ModelConfig", "TrainConfig"),
    "agents.evaluation": ("Evaluation", "evaluate"),
    "agents.export": ("to_huggingface",),
    "agents.generation": ("generate",),
    "agents.hooks": ("capture", "intervene", "site_names"),
    "agents.model": ("AgentModel", "build_model", "shift"),
    "agents.precision": ("make_accelerator",),
    "agents.scoring": ("Scores", "answers", "score"),
    "agents.training": ("Learner", "Progress", "mixed_draw", "task_weights_for", "unseen_quizzes"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'agents' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
