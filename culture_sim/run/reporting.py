"""How work tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str], None]
"""Says in a few words what is being done."""
