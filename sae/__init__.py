"""Features of agents (sparse autoencoders) and their comparison by activation correlation.

Receives agents and quizzes, and returns tables and files; it knows neither runs nor culture.

- ``SAEConfig`` says which dictionaries there are and how they are compared; its
  ``dictionaries(sites)`` gives a ``DictionaryConfig`` for each, and ``ComparisonConfig`` is the
  part that a comparison reads.
- ``train_sae`` trains one, ``load_sae`` opens it, ``agent_codes`` encodes an agent's activations.
- ``select_features`` makes of codes the ``Features`` that ``compare_features`` compares: the result
  is a ``Comparison``, with one table of matches.
- ``compare`` does all of that with anyone's models, SAEs and tokens, and gives a
  ``ModelComparison``; ``Documents`` are batches of tokens, ``activations_at`` reads a module of any
  network, ``save_codes`` writes codes for the command line.
- ``architectures``, ``baselines`` and ``nulls`` are registries for variants of one's own.

The names are loaded when first used: sae_lens takes seconds to import, and the options alone must
not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sae.activations.codes import agent_codes
    from sae.activations.harvest import TokenRows, token_rows
    from sae.comparison.compare import Comparison, compare_features
    from sae.comparison.nulls import nulls
    from sae.config import ComparisonConfig, DictionaryConfig, SAEConfig
    from sae.dictionaries.architectures import architectures
    from sae.dictionaries.baselines import baselines
    from sae.dictionaries.training import load_sae, train_sae
    from sae.matching.features import Features, select_features
    from sae.streamed.coders import activations_at
    from sae.streamed.compare import compare
    from sae.streamed.documents import Documents
    from sae.streamed.files import save_codes
    from sae.streamed.tables import ModelComparison

__all__ = [
    "Comparison",
    "ComparisonConfig",
    "DictionaryConfig",
    "Documents",
    "Features",
    "ModelComparison",
    "SAEConfig",
    "TokenRows",
    "activations_at",
    "agent_codes",
    "architectures",
    "baselines",
    "compare",
    "compare_features",
    "load_sae",
    "nulls",
    "save_codes",
    "select_features",
    "token_rows",
    "train_sae",
]
_MODULES = {
    "sae.activations.codes": ("agent_codes",),
    "sae.activations.harvest": ("TokenRows", "token_rows"),
    "sae.comparison.compare": ("Comparison", "compare_features"),
    "sae.comparison.nulls": ("nulls",),
    "sae.config": ("ComparisonConfig", "DictionaryConfig", "SAEConfig"),
    "sae.dictionaries.architectures": ("architectures",),
    "sae.dictionaries.baselines": ("baselines",),
    "sae.dictionaries.training": ("load_sae", "train_sae"),
    "sae.matching.features": ("Features", "select_features"),
    "sae.streamed.coders": ("activations_at",),
    "sae.streamed.compare": ("compare",),
    "sae.streamed.documents": ("Documents",),
    "sae.streamed.files": ("save_codes",),
    "sae.streamed.tables": ("ModelComparison",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sae' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
