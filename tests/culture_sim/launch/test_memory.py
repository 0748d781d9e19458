"""Memory that is freed is kept for what is taken next."""

import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from culture_sim.launch import memory

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
    others = {k: v for k, v in os.environ.items() if "MALLOC" not in k and k != "GLIBC_TUNABLES"}
    environment = {**others, **variables}
    command = [sys.executable, "-c", TAKES_AND_FREES]
    return int(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they do")
def test_pages_are_asked_for_once():
    assert faults({}) < PAGES / 4


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they do")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MALLOC_MMAP_THRESHOLD_", "4096"),
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=4096"),
    ],
)
def test_what_a_user_has_set_stays(name, value):
    assert faults({name: value}) > PAGES / 2


@pytest.mark.parametrize(
    ("refused", "asked"),
    [
        ((), [(-3, 1 << 30), (-1, -1), (-2, 1 << 26)]),
        ((1 << 30,), [(-3, 1 << 30), (-3, 1 << 25), (-1, -1), (-2, 1 << 26)]),
        ((1 << 30, 1 << 25), [(-3, 1 << 30), (-3, 1 << 25)]),
    ],
)
def test_a_refused_threshold_is_lowered_or_all_left_alone(monkeypatch, refused, asked):
    """As glibc before 2.35 or so refuses one above 32 MB."""
    calls = []

    def mallopt(parameter, size):
        calls.append((parameter, size))
        return int(size not in refused)

    for name in [*os.environ]:
        if "MALLOC" in name or name == "GLIBC_TUNABLES":
            monkeypatch.delenv(name)
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    memory.keep_freed_memory()
    assert calls == asked


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: SimpleNamespace())
    memory.keep_freed_memory()
