"""Circuits of a HookedTransformer: which part reads which, and what of the answer goes that way.

An agent is exported to one (``AgentModel.to_transformer_lens``); GPT-2 is one where a user has
it. Every tool works on a ``Pair`` of runs, of base prompts and of new ones alike but for what is
asked about. Path patching holds all but the path, edge patching lets what follows compute again.
"""

from agents.circuits.paths.attribution import Agreement, agreement, attribute_edges
from agents.circuits.paths.direct import Attribution, attribute_change, attribute_logits
from agents.circuits.paths.edges import (
    all_edges,
    edge_effect,
    edge_effects,
    edges_from,
    patch_edges,
)
from agents.circuits.paths.moving import Moved, moved_attention, moved_logits
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
from agents.circuits.paths.resampling import (
    EXACT,
    UNCONDITIONAL,
    Leaf,
    Recovery,
    Sampler,
    resampled_logits,
    resampling_ablation,
)
from agents.circuits.paths.search import Finding, SearchConfig, find_paths, found_edges

__all__ = [
    "EMBED",
    "EXACT",
    "LOGITS",
    "POS_EMBED",
    "UNCONDITIONAL",
    "Agreement",
    "Attribution",
    "Edge",
    "Finding",
    "Leaf",
    "Moved",
    "Network",
    "Pair",
    "Part",
    "Path",
    "Prompts",
    "Receiver",
    "Recovery",
    "Run",
    "Sampler",
    "SearchConfig",
    "Sender",
    "agreement",
    "all_edges",
    "attribute_change",
    "attribute_edges",
    "attribute_logits",
    "edge_effect",
    "edge_effects",
    "edges_from",
    "effect",
    "find_paths",
    "found_edges",
    "head",
    "mlp",
    "moved_attention",
    "moved_logits",
    "patch_edges",
    "patched_logits",
    "patched_pattern",
    "path_effect",
    "resampled_logits",
    "resampling_ablation",
]
