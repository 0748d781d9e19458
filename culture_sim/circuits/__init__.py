"""The circuits of a run's agents: do their heads do the same, before and after culture, and which
features carry it? The command is ``culture-sim circuits``.
"""
