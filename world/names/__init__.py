"""The names world: who did what to whom? Of two names, one does something for the other."""

from world.names.options import LADDER
from world.names.world import NamesWorld

__all__ = ["LADDER", "NamesWorld"]
