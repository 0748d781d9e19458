"""Compiled functions run where nothing can be kept on the disk, and afresh."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numba
import numpy as np
import pytest
from numba.core import caching

from sae.compiling import compiler


def test_without_a_place_to_keep_it_a_function_is_compiled_all_the_same(monkeypatch):
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])

    @compiler()
    def twice(x):
        return 2 * x

    assert twice(np.float64(3)) == 6
    assert twice.nopython_signatures


def test_other_failures_are_not_hidden(monkeypatch):
    def broken(**options):
        raise RuntimeError("another reason")

    monkeypatch.setattr(numba, "njit", broken)
    with pytest.raises(RuntimeError, match="another reason"):
        compiler()(len)


@pytest.mark.slow
def test_every_kernel_loads_without_a_home_or_a_writable_package(tmp_path):
    """No locator of numba's is left, as where neither package nor home can be written."""
    code = """
        from numba.core import caching

        caching.CacheImpl._locator_classes = []
        import sae.activations.kernels as kernels, numpy as np
        import sae.concepts.kernels, sae.dictionaries.kernels, sae.matching.kernels

        print(kernels.compress(np.eye(3, dtype=np.float32)).nnz)
    """
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "HOME": str(tmp_path / "none")},
    )
    assert ended.stdout == "3\n", ended.stderr
