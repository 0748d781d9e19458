"""Circuits of a HookedTransformer: which part reads which, and what of the answer goes that way.

An agent is exported to one (``AgentModel.to_transformer_lens``); GPT-2 is one where a user has
it. Every tool works on a ``Pair`` of runs, of base prompts and of new ones alike but for what is
asked about.
"""

from agents.circuits.paths.edges import all_edges, edge_effect, edge_effects, patch_edges
from agents.circuits.paths.network import Network, Run
from agents.circuits.paths.parts import (
    EMBED,
    LOGITS,
    POS_EMBED,
    Edge,
    Part,
    Path,
    Receiver,
    Sender,
    head,
    mlp,
)
from agents.circuits.paths.patching import (
    Pair,
    effect,
    patched_logits,
    patched_pattern,
    path_effect,
)
from agents.circuits.paths.prompts import Prompts

__all__ = [
    "EMBED",
    "LOGITS",
    "POS_EMBED",
    "Edge",
    "Network",
    "Pair",
    "Part",
    "Path",
    "Prompts",
    "Receiver",
    "Run",
    "Sender",
    "all_edges",
    "edge_effect",
    "edge_effects",
    "effect",
    "head",
    "mlp",
    "patch_edges",
    "patched_logits",
    "patched_pattern",
    "path_effect",
]
