"""How the C library deals with memory that is freed."""

from __future__ import annotations

import ctypes
import os

KEPT = {
    "MALLOC_TRIM_THRESHOLD_": (-1, (1 << 31) - 1),
    "MALLOC_TOP_PAD_": (-2, 1 << 26),
    "MALLOC_MMAP_THRESHOLD_": (-3, 1 << 30),
}
"""glibc's parameters by the variables that set them: number and bytes for ``mallopt``."""


def keep_freed_memory() -> None:
    """Keep memory that is freed for what is taken next, in this process and those forked from it.

    Large tensors are freed and taken again at every step. glibc would give their pages back to the
    system each time, and a step is about a tenth slower. What a user has set stays; other C
    libraries do as they do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for variable, (parameter, size) in KEPT.items():
        if variable not in os.environ:
            mallopt(parameter, size)
