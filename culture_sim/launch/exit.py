"""Ending a process for good: what should be cleaned up is, and nothing can go wrong any more."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn


def exit_now(code: int) -> NoReturn:
    """Exit with ``code``, after the functions registered with atexit but before destructors.

    Threads of the libraries (gloo's, Arrow's) may outlive what they use and abort the process
    when the interpreter takes itself down.
    """
    atexit._run_exitfuncs()
    with suppress(OSError):  # there is nobody left to be told
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
