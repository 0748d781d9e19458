"""How far a command is in work of its own: a line that changes on a terminal, plain lines else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

PLAIN_EVERY_S = 15.0
"""Between two plain lines; more would not be read."""


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str], None]]:
    """Gives what is told, again and again, how far the work is; what is quickly done says nothing
    where there is no terminal."""
    if console.is_terminal:
        with console.status("") as status:
            yield status.update
        return
    said = time.monotonic()

    def say(text: str) -> None:
        nonlocal said
        if time.monotonic() - said >= PLAIN_EVERY_S:
            said = time.monotonic()
            console.print(text, highlight=False, soft_wrap=True)

    yield say
