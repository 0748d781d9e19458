"""What every part of a network does, as a profile: to be matched with those of another network.

A head of one agent has no number in common with the head of another that does the same. It has a
profile: by which way it acts on the answer, and on which change of the prompt that depends.
"""

from agents.circuits.profiles.agreement import NULLS, Agreement, Matched, agreement, match_heads
from agents.circuits.profiles.matching import assign, cosine
from agents.circuits.profiles.measuring import WAYS, Profiles, measure_profiles

__all__ = [
    "NULLS",
    "WAYS",
    "Agreement",
    "Matched",
    "Profiles",
    "agreement",
    "assign",
    "cosine",
    "match_heads",
    "measure_profiles",
]
