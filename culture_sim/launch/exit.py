"""Ending a process for good: what should be cleaned up is, and nothing can go wrong any more."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from contextlib import suppress
from typing import NoReturn


def exit_now(code: int) -> NoReturn:
    """Exit with ``code``, after the functions registered with atexit but before destructors.

    Threads of the libraries (gloo's, Arrow's) may outlive what they use and abort the process
    when the interpreter takes itself down.
    """
    leave_operators()
    atexit._run_exitfuncs()
    with suppress(OSError):  # there is nobody left to be told
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def leave_operators() -> None:
    """PyTorch's operators are left as they are when this process exits.

    It would take each of its 200 libraries of them apart, which writes to memory that a worker
    shares with the process it was forked from: 50 of the 60 ms that the worker takes to exit.
    """
    needless = getattr(sys.modules.get("torch.library"), "_del_library", None)
    for finalizer in list(getattr(weakref.finalize, "_registry", ())):
        found = finalizer.peek()  # None when it has run
        if found and found[1] is needless:
            finalizer.atexit = False
