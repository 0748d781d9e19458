"""Ctrl-C and SIGTERM for a process that waits for others inside a library.

Python raises KeyboardInterrupt between two of its own steps. A library that waits for a process
which may never come takes none, so a thread that the signal wakes ends the process instead.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType

from world.core.errors import ERROR_PREFIX

INTERRUPTED = "interrupted; run the same command again to go on from here"
BEGINS_ANEW = "interrupted; nothing is kept, the same command begins anew"
CODE = 130
GRACE_S = 3.0
"""How long the main thread may take to notice; it ends the process in better order."""
ENDING_S = 10.0
"""How long it may take to end when it has noticed."""


def end_when_told() -> None:
    """From now on, SIGINT and SIGTERM end this process within seconds whatever it waits for.

    Call it in the main thread.
    """
    noticed = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        noticed.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job
        signal.signal(signal.SIGINT, interrupt)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # Written to as the signal comes, whatever Python is at.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading, noticed), daemon=True).start()


def _watch(reading: int, noticed: threading.Event) -> None:
    while os.read(reading, 1)[0] not in (signal.SIGINT, signal.SIGTERM):
        pass
    if noticed.wait(GRACE_S):
        time.sleep(ENDING_S)
    else:
        print(f"{ERROR_PREFIX}{INTERRUPTED}", file=sys.stderr, flush=True)
    os._exit(CODE)
