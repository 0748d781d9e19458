"""Memory that is freed is kept for what is taken next."""

import os
import platform
import subprocess
import sys

import pytest

TAKES_AND_FREES = """
import resource
import numpy as np
from culture_sim.launch.memory import keep_freed_memory
keep_freed_memory()
np.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    np.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
"""128 MB, again and again: how many pages the system is asked for."""
PAGES = 4 * (1 << 27) // (2 << 20)
"""At least so many, without: huge ones."""


def faults(variables):
    environment = {**os.environ, **variables}
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_"):
        if name not in variables:
            environment.pop(name, None)
    command = [sys.executable, "-c", TAKES_AND_FREES]
    return int(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they do")
def test_pages_are_asked_for_once():
    assert faults({}) < PAGES / 4


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they do")
def test_what_a_user_has_set_stays():
    assert faults({"MALLOC_MMAP_THRESHOLD_": "4096"}) > PAGES / 2
