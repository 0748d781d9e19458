"""What commands print on."""

from __future__ import annotations

from rich.console import Console


class OutputConsole(Console):
    """A console that leaves a closed pipe to the command line."""

    def on_broken_pipe(self) -> None:
        """Called while the error is handled; rich's own would exit with 1."""
        raise
