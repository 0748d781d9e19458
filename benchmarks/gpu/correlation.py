"""Dense tiles of the comparison: sums of products of two SAEs' codes in full float32.

Beside them the sparse products that a processor forms instead. The floor is the multiplications
of all features, active or not, at the speed of a large product. The last row of a size is the
whole search for every feature's best match, tiles included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

import numpy as np
import torch

from benchmarks.correlation import Size, random_codes
from benchmarks.gpu.parts import Figures, Note, Setting
from benchmarks.measure import Row, device, matrix_flops, seconds
from sae.matching.correlation import make_codes, tile_products
from sae.matching.dense import dense_products, without_tf32
from sae.matching.search import search

SIZES = (Size(40_000, 4096, 32, 20_000), Size(80_000, 16_384, 32, 8192))
TINY = (Size(2000, 64, 4, 1000),)


def figures(setting: Setting) -> Figures:
    """Tokens a second of correlating every feature with every other."""
    with without_tf32():
        for size in TINY if setting.tiny else SIZES:
            if setting.left() <= 0:
                yield Note(f"{size.features} features: no time left")
                return
            yield from _rows(size)


def _rows(size: Size) -> Figures:
    rng = np.random.default_rng(0)
    x, y = (
        make_codes(random_codes(rng, size.tokens, size.features, size.active)) for _ in range(2)
    )
    few = tuple(make_codes(codes.values[: size.few]) for codes in (x, y))
    _all(islice(tile_products(*few), 1))  # the kernel is compiled
    sparse = size.few / seconds(lambda: _all(tile_products(*few)), 1)
    case = f"{size.features} x {size.features} features, {size.active} active"
    flops = 2 * size.features**2
    where = device().type
    dense = size.tokens / seconds(lambda: _all(dense_products(x, y, where)), size.repeats)
    yield Row(
        "correlation",
        f"{case}: dense tiles",
        dense,
        "tokens/s",
        "sparse tiles on the processor",
        sparse,
        matrix_flops(torch.float32) / flops,
        f"{flops / 1e6:.3g} MFLOP a token",
    )
    whole = size.tokens / seconds(lambda: search(x, y), size.repeats)
    yield Row(
        "correlation", f"{case}: best matches", whole, "tokens/s", "its dense tiles alone", dense
    )


def _all(tiles: Iterable[object]) -> None:
    deque(tiles, maxlen=0)
