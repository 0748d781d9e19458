"""The birds world: two frames of birds that fly along diagonals and turn back at walls."""

from world.birds.verifier import Verdict
from world.birds.world import BirdsWorld

__all__ = ["BirdsWorld", "Verdict"]
