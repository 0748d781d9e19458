"""The report of a run: an HTML file that opens without a network and shows what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from culture_sim.report.write import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    # Loaded when first used: every command tells headline figures, and must not wait for the rest.
    if name not in __all__:
        raise AttributeError(f"module 'culture_sim.report' has no attribute {name!r}")
    from culture_sim.report.write import write_report

    return write_report
