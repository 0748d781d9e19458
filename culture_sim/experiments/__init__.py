"""Experiments: questions answered by trained agents, from units of work to verdicts and a page.

An experiment is one folder here with a frozen dataclass of its options, registered under its name.
It says which units of work there are (``Unit``), and what they come to (``Findings``). All else is
the same for every experiment: units are made side by side and once, survive a kill, and are
refused where options would change one that is made; results are a table, a summary and a page.

``base`` has the interface, ``units`` what is made and checked, ``work`` who makes it, ``findings``
the forms of results, ``page`` the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from world.core.registry import Registry

if TYPE_CHECKING:
    from culture_sim.experiments.base import Experiment

experiments: Registry[type[Experiment]] = Registry("experiment", "culture_sim.experiments")
"""The experiments of ``culture-sim experiment``, each a folder of this package."""
