"""The number formats of products: measured, and overruled by an option."""

import os
import platform
import subprocess
import sys
import time

import pytest
import torch

import agents.precision
from agents.config import TrainConfig
from agents.precision import (
    CLEARLY,
    Formats,
    Speedup,
    choose_formats,
    fastest_formats,
    make_accelerator,
    measure_speedup,
    process_state,
    unused_accelerator,
)

CPU = torch.device("cpu")
WITHOUT_BF16 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
"""With these an x86 processor is as one that emulates bf16, whatever it says that it can."""


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_an_option_overrules_the_measurement(monkeypatch, precision):
    monkeypatch.setattr(agents.precision, "fastest_formats", None)
    formats = choose_formats(TrainConfig(precision=precision), CPU)
    assert formats == Formats(precision, precision)


def test_bf16_must_be_clearly_faster_and_kinds_are_decided_apart():
    assert Speedup(2.0, CLEARLY - 0.01).formats() == Formats("bf16", "fp32")
    assert Speedup(0.05, CLEARLY).formats() == Formats("fp32", "bf16")


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="variables of x86")
def test_without_bf16_the_flag_is_not_believed():
    """On this processor with and without bf16; its capabilities are the same in both."""
    code = (
        "import torch; from agents.precision import fastest_formats; "
        "print(fastest_formats(torch.device('cpu')))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **WITHOUT_BF16},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.strip() == "fp32 in the network, fp32 in Newton-Schulz"


class Clock:
    """Time that passes only in products: as long as their format takes, and more in some turns."""

    def __init__(self, seconds, disturbed):
        self.seconds, self.disturbed = seconds, disturbed
        self.now, self.calls = 0.0, dict.fromkeys(seconds, 0)

    def product(self, dtype):
        turn = self.calls[dtype]
        self.calls[dtype] += 1
        self.now += self.seconds[dtype] + self.disturbed.get((dtype, turn), 0.0)


class Timed:
    """A matrix whose products take a clock's time."""

    def __init__(self, clock, dtype):
        self.clock, self.dtype = clock, dtype

    def to(self, dtype):
        return Timed(self.clock, dtype)

    def __matmul__(self, other):
        self.clock.product(self.dtype)


def speedup_by(monkeypatch, fp32, bf16, disturbed):
    clock = Clock({torch.float32: fp32, torch.bfloat16: bf16}, disturbed)
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    matrix = Timed(clock, torch.float32)
    return agents.precision._speedup(matrix, matrix), clock


def test_the_fastest_of_several_turns_counts(monkeypatch):
    """Kernels that are made in the first turn, and other work in any, change nothing."""
    disturbed = {
        (torch.bfloat16, 0): 1.0,
        (torch.bfloat16, 1): 0.5,
        (torch.float32, 0): 0.2,
        (torch.float32, 3): 9.0,
    }
    found, _ = speedup_by(monkeypatch, 0.002, 0.001, disturbed)
    assert found == pytest.approx(2.0)


def test_what_is_hopeless_is_given_up_soon(monkeypatch):
    found, clock = speedup_by(monkeypatch, 0.001, 0.030, {})
    assert found == pytest.approx(1 / 30)
    assert clock.calls[torch.bfloat16] == agents.precision.ENOUGH


def test_measuring_leaves_no_trace():
    threads, drawn = torch.get_num_threads(), torch.get_rng_state()
    measure_speedup()
    assert torch.get_num_threads() == threads
    assert torch.get_rng_state().equal(drawn)


def test_a_process_measures_once(monkeypatch):
    first = fastest_formats(CPU)
    monkeypatch.setattr(agents.precision, "measure_speedup", None)
    assert fastest_formats(CPU) is first


@pytest.mark.parametrize(
    ("gpu", "found", "on_cpu", "unused"),
    [
        (False, None, True, None),
        (False, "mps", True, "mps"),
        (False, "xpu", True, "xpu"),
        (False, "hpu", True, "hpu"),
        (True, "cuda", False, None),
    ],
)
def test_a_process_takes_a_gpu_or_the_processor_and_no_other(
    monkeypatch, gpu, found, on_cpu, unused
):
    asked = []
    device = None if found is None else torch.device(found)
    monkeypatch.setattr(agents.precision, "PartialState", lambda **asks: asked.append(asks))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: found is not None)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: device)
    process_state(rank=1)
    assert asked == [{"cpu": on_cpu, "timeout": agents.precision.PATIENCE, "rank": 1}]
    assert unused_accelerator() == unused


def test_a_process_may_change_its_format():
    for precision, network in (("fp32", "no"), ("bf16", "bf16"), ("fp32", "no")):
        assert make_accelerator(TrainConfig(precision=precision)).mixed_precision == network
