"""The brackets world: is a string of brackets balanced? A stack tells, a count almost does."""

from world.brackets.world import BracketsWorld

__all__ = ["BracketsWorld"]
