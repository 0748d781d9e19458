"""The strings world: pairs of strings that show a rule, with padding, in one row."""

from world.strings.world import StringsWorld

__all__ = ["StringsWorld"]
