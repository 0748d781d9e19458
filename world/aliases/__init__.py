"""The aliases world: arithmetic in two alphabets, and links that say which letters are the same."""

from world.aliases.world import AliasesWorld

__all__ = ["AliasesWorld"]
