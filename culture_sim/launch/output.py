"""Standard output and error as they may be: closed, a pipe that nobody reads, a full disk.

A command whose reader has left, as with ``| head``, ends quietly with ``CLOSED_PIPE``. One that
cannot write what it has to say ends with a line and 2. One that was started without an output works
as with a quiet one.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from contextlib import suppress

from world.core.errors import ERROR_PREFIX

CLOSED_PIPE = 141
"""The exit code, as shells have it for what SIGPIPE ends: 128 + 13."""


def open_outputs() -> None:
    """Open what was closed when this process started, on nothing.

    Else the first files that are opened would take the places of the outputs, and get what
    libraries print.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def without_reader() -> bool:
    """Whether an output is a pipe or a connection that nobody reads any more."""
    for number in (1, 2):
        mode = os.fstat(number).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            outputs = select.poll()
            outputs.register(number, 0)
            if any(events & (select.POLLERR | select.POLLHUP) for _, events in outputs.poll(0)):
                return True
    return False


def flushed(code: int) -> int:
    """Write out what was printed; returns the exit code, another where that fails."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # nor is it tried again
            if isinstance(error, BrokenPipeError):
                return CLOSED_PIPE
            complain(f"{error.strerror}: what the command had to say is lost")
            code = code or 2
    return code


def complain(message: str) -> None:
    """Print an error's line, if that is possible."""
    with suppress(OSError):
        print(f"{ERROR_PREFIX}{message}", file=sys.stderr, flush=True)


def describe_os_error(error: OSError) -> str:
    """A full disk, a missing right and their like, in one line."""
    where = f" at {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}; mend that and run the same command again to go on"
