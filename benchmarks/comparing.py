"""Peak memory of comparing anyone's models, as tokens grow: flat means that it does not.

Codes are random, made while they are read, with as many active features a token as SAEs have; half
of them both models share. Every size is measured in a process of its own. The floor is the process
with its libraries loaded and kernels compiled, after a comparison of few features.

    python -m benchmarks.comparing --features 16384 --tokens 1000000 10000000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.measure import Row
from world.core.files import json_text

LENGTH, VOCABULARY = 128, 50_000
BATCH = 64
"""Documents at a time."""
QUICK = (256, 8, (20_000, 40_000))
USUAL = (2048, 16, (100_000, 200_000, 400_000))
"""Features, active ones a token, and tokens."""


def rows(quick: bool) -> Iterator[Row]:
    """Megabytes at the most, beside those for the fewest tokens."""
    features, active, sizes = QUICK if quick else USUAL
    found = [measured(features, active, tokens, 1) for tokens in sizes]
    for tokens, of in zip(sizes, found, strict=True):
        yield Row(
            "comparing",
            f"{features} features, {active} active, {tokens:,} tokens",
            of["peak"],
            "MB",
            f"{sizes[0]:,} tokens",
            found[0]["peak"],
            of["floor"],
            "libraries loaded",
            better="less",
        )


def measured(features: int, active: int, tokens: int, permutations: int) -> dict[str, float]:
    """Figures of one comparison in a process of its own."""
    words = map(str, (features, active, tokens, permutations))
    command = [sys.executable, "-m", "benchmarks.comparing", "--inside", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def inside(features: int, active: int, tokens: int, permutations: int) -> dict[str, float]:
    """peak, floor: megabytes; disk: of codes, megabytes; seconds: of the processor."""
    from sae import compare
    from sae.streamed.coders import Rows

    class Random(Rows):
        """Codes of one SAE of one model, the same whenever the same rows are asked for."""

        def __init__(self, model: int, sae: int, width: int, count: int) -> None:
            self.shape, self._own = (count, width), (model, sae)

        def __getitem__(self, rows: NDArray[np.int64]) -> sparse.csr_array:
            common = _drawn((int(rows[0]),), len(rows), active - active // 2, self.shape[1])
            own = _drawn((int(rows[0]), *self._own), len(rows), active // 2, self.shape[1])
            return sparse.csr_array(common + own)

    def compared(width: int, count: int) -> None:
        saes = {f"model {m}": [Random(m, s, width, count) for s in range(2)] for m in range(2)}
        with tempfile.TemporaryDirectory() as folder:
            compare(None, saes, _documents(count), permutations=permutations, folder=Path(folder))

    compared(64, 20 * LENGTH * BATCH)
    floor = _peak()
    began = time.process_time()
    compared(features, tokens - tokens % LENGTH)
    return {
        "peak": _peak(),
        "floor": floor,
        "disk": 4 * tokens * active * 8 / 1e6,
        "seconds": time.process_time() - began,
    }


def _documents(tokens: int) -> Iterator[NDArray[np.int64]]:
    """Documents of LENGTH tokens, drawn as words are: the n-th most frequent one in n."""
    chance = 1 / np.arange(1, VOCABULARY + 1)
    ends = np.cumsum(chance / chance.sum())
    for start in range(0, tokens // LENGTH, BATCH):
        count = min(BATCH, tokens // LENGTH - start)
        drawn = np.random.default_rng((7, start)).random((count, LENGTH))
        yield np.minimum(np.searchsorted(ends, drawn), VOCABULARY - 1)


def _drawn(seed: tuple[int, ...], rows: int, active: int, width: int) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    feature = rng.integers(width, size=(rows, active), dtype=np.int32)
    value = rng.exponential(size=(rows, active)).astype(np.float32)
    start = np.arange(0, rows * active + 1, active, dtype=np.int32)
    codes = sparse.csr_array((value.ravel(), feature.ravel(), start), shape=(rows, width))
    codes.sum_duplicates()
    return codes


def _peak() -> float:
    """Megabytes that this process had at the most so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sizes that are asked for, and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--features", type=int, default=USUAL[0], help="of each SAE")
    parser.add_argument("--active", type=int, default=32, help="features active a token")
    parser.add_argument("--tokens", type=int, nargs="+", default=USUAL[2])
    parser.add_argument("--permutations", type=int, default=3, help="draws of the null")
    parser.add_argument("--inside", type=int, nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.inside:
        print(json_text(inside(*given.inside)))
        return 0
    for tokens in given.tokens:
        found = measured(given.features, given.active, tokens, given.permutations)
        print(
            f"{given.features:,} features, {tokens:,} tokens: peak {found['peak']:,.0f} MB "
            f"({found['floor']:,.0f} MB before), {found['disk']:,.0f} MB on the disk, "
            f"{found['seconds']:,.0f} s of the processor",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
