"""The tasks of the grids world: one file each, registered where it stands."""
