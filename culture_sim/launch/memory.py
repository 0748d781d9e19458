"""How the C library deals with memory that is freed."""

from __future__ import annotations

import ctypes
import os

MMAP_THRESHOLD, TOP_PAD, TRIM_THRESHOLD = -3, -2, -1
"""Numbers of glibc's parameters, for ``mallopt``."""
LARGEST = (1 << 30, 1 << 25)
"""Bytes from which on memory is mapped by itself; earlier versions refuse more than the second."""
SPARE = 1 << 26
"""Bytes that are taken beyond what is asked for."""
NEVER = -1


def keep_freed_memory() -> None:
    """Keep memory that is freed for what is taken next, in this process and those forked from it.

    Large tensors are freed and taken again at every step. glibc would give their pages back to the
    system each time, and a step is about a tenth slower. Nothing is done where a user has set
    parameters of it, or under another C library.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or _is_set_by_the_user():
        return
    # First: if it is refused, the others would only end glibc's own adaptation of it.
    if any(mallopt(MMAP_THRESHOLD, size) for size in LARGEST):
        mallopt(TRIM_THRESHOLD, NEVER)
        mallopt(TOP_PAD, SPARE)


def _is_set_by_the_user() -> bool:
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    return "glibc.malloc." in tunables or any(name.startswith("MALLOC_") for name in os.environ)
