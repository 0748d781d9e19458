"""The rules of the strings world, one file each; a rule registers itself."""
