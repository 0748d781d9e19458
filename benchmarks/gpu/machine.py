"""The device, and its ceilings: products of large matrices, a large copy."""

from __future__ import annotations

import shutil
from contextlib import suppress

import torch

from benchmarks.gpu.parts import Figures, Note, Setting, missing, one_line
from benchmarks.measure import Row, device, matrix_flops, seconds

COPIED = 1 << 30
"""Bytes of the array that is copied on a GPU."""


def figures(setting: Setting) -> Figures:
    """What the device is, then TFLOP/s in every number format and GB/s."""
    yield Note(_device())
    compilers = [name for name in ("gcc", "clang") if shutil.which(name)]
    triton = "no Triton" if missing(("triton",)) else "Triton"
    yield Note(f"PyTorch {torch.__version__}, {triton}, C compiler: {compilers or 'none'}")
    full = 0.0
    for name, dtype, tf32 in (
        ("float32", torch.float32, False),
        ("TF32", torch.float32, True),
        ("bf16", torch.bfloat16, False),
    ):
        if tf32 and device().type == "cpu":
            continue
        try:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            rate = matrix_flops(dtype) / 1e12
        except RuntimeError as error:
            yield Note(f"{name} product: {one_line(error)}")
            continue
        case, against = f"{name} product of large matrices", "float32" if full else ""
        yield Row("machine", case, rate, "TFLOP/s", against, full or None)
        full = full or rate
    yield Row("machine", "copy, bytes read and written", _copied(setting) / 1e9, "GB/s")


def _device() -> str:
    if device().type == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    found = torch.cuda.get_device_properties(0)
    words = [
        found.name,
        f"{found.total_memory / 2**30:.0f} GiB",
        f"{found.multi_processor_count} multiprocessors",
        f"capability {found.major}.{found.minor}",
        f"CUDA {torch.version.cuda}",
    ]
    with suppress(RuntimeError):
        words.append(f"{torch.cuda.mem_get_info()[0] / 2**30:.0f} GiB free")
    return ", ".join(words)


def _copied(setting: Setting) -> float:
    """Bytes a second, read and written."""
    small = setting.tiny or device().type == "cpu"
    source = torch.ones(COPIED >> 8 if small else COPIED, dtype=torch.uint8, device=device())
    target = torch.empty_like(source)
    return 2 * source.nbytes / seconds(lambda: target.copy_(source), 10)
