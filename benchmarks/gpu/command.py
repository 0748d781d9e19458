"""What one GPU does in a few minutes, for a machine that is lent with PyTorch and little else.

It measures the device's ceilings, training of a 37.8M agent by the default recipe and by the
source's, its time to 95 % as far as the minutes go, writing and voting, the dense tiles of the
comparison, and what `make demo` runs. Each part has a share of the minutes and a process of its
own, so one that fails or hangs costs no other. Rows are printed and written as they come.

Nothing is fetched. Of several GPUs the first is used. Run: python -m benchmarks gpu --minutes 9
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from benchmarks.gpu.parts import PARTS, Part, missing
from benchmarks.tables import line, markdown
from culture_sim.run.environment import environment
from world.core.files import write_json

ENDING, ENDING_S = 0.1, 6.0
"""Before its time is over a part is to end by itself: this share of it, and at most so long."""
LEAST_S = 30.0
"""What a part gets at least, while there is time: libraries load slowly on a machine just made."""
LAUNCHED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
"""Variables by which a part would look for other processes."""
ROOT = Path(__file__).parents[2]
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; returns 1 when one of them failed, 2 when none could run."""
    given = _parse(arguments)
    signal.signal(signal.SIGTERM, _leave)
    if given.device == "cuda" and not torch.cuda.is_available():
        return _refuse("no GPU that PyTorch can use; to try the script: --device cpu --tiny")
    if given.device == "cpu" and not given.tiny:
        return _refuse("the published size takes a CPU hours; give --tiny as well")
    report = Report(given.out)
    try:
        report.write()
        with tempfile.TemporaryDirectory(
            prefix="benchmarks-gpu-", ignore_cleanup_errors=True
        ) as folder:
            _run_parts(given, report, Path(folder))
    except OSError as error:
        return _refuse(str(error))
    if given.markdown:
        print(markdown(report.rows))
    print(f"{len(report.rows)} rows in {report.seconds():.0f} s, written to {given.out}")
    return int(any(part["ended"] == "failed" for part in report.parts))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = list(PARTS)
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything (9)")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="rows as JSON")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="parts to run")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes: does everything run?")
    parser.add_argument("--eager", action="store_true", help="no torch.compile")
    parser.add_argument("--markdown", action="store_true", help="a Markdown table at the end")
    given = parser.parse_args(arguments)
    if given.minutes <= 0:
        parser.error("--minutes must be above 0")
    return given


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 2


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # so that the part at work is ended too


class Report:
    """What was found so far: printed, and on disk, as soon as it is there."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.began = time.time()
        self.rows: list[dict[str, Any]] = []
        self.parts: list[dict[str, Any]] = []

    def seconds(self) -> float:
        """Since the beginning."""
        return time.time() - self.began

    def say(self, text: str) -> None:
        """Print a line with the time."""
        print(f"[{self.seconds():4.0f} s] {text}", flush=True)

    def begin(self, name: str) -> dict[str, Any]:
        """A new part, at work."""
        part = {"name": name, "ended": "cut", "seconds": 0.0, "notes": []}
        self.parts.append(part)
        self.write()
        return part

    def add(self, said: Mapping[str, Any]) -> None:
        """What the last part said: a row, or a note."""
        if "row" in said:
            self.rows.append(said["row"])
            self.say(line(said["row"]))
        else:
            self.parts[-1]["notes"].append(dict(said))
            self.say(f"{self.parts[-1]['name']}: {said['note']}")
        self.write()

    def write(self) -> None:
        """Everything, as JSON."""
        tree = {
            "environment": environment(),
            "seconds": self.seconds(),
            "parts": self.parts,
            "rows": self.rows,
        }
        write_json(self.out, tree)


def _run_parts(given: argparse.Namespace, report: Report, folder: Path) -> None:
    parts = [PARTS[name] for name in PARTS if name in given.only]
    for text in lacking(parts):
        report.say(text)
    parts = [part for part in parts if not missing(part.needs)]
    # On a CPU compiling takes long and says nothing of a GPU.
    end, eager = report.began + 60 * given.minutes, given.eager or given.device == "cpu"
    for number, part in enumerate(parts):
        shares = sum(later.share for later in parts[number:])
        left = max(end - time.time(), 0.0)
        allotted = max(left * part.share / shares, min(LEAST_S, left))
        command = _command(part, allotted, folder, given.tiny, eager)
        _run(part, command, allotted, report, _environment(given.device, folder))
        if part.name == "training":
            # If the compiler failed, or did not end, it is not asked again.
            eager = eager or not any(row["case"].endswith("compiled") for row in report.rows)


def lacking(parts: Sequence[Part]) -> Iterator[str]:
    """One line on packages that are not installed, and on what they cost."""
    every = dict.fromkeys(name for part in parts for name in (*part.needs, *part.wants))
    if not (absent := missing(tuple(every))):
        return
    out = [part.name for part in parts if missing(part.needs)]
    less = [part.name for part in parts if missing(part.wants) and part.name not in out]
    costs = [("left out", out), ("done in part", less)]
    words = [f"{what}: {', '.join(names)}" for what, names in costs if names]
    yield "; ".join([f"not installed here: {', '.join(absent)}", *words])


def _command(part: Part, allotted: float, folder: Path, tiny: bool, eager: bool) -> list[str]:
    until = time.time() + allotted - min(ENDING * allotted, ENDING_S)
    flags = ["--tiny"] * tiny + ["--eager"] * eager
    place = [part.name, "--until", f"{until:.3f}", "--folder", str(folder)]
    return [sys.executable, "-m", "benchmarks.gpu.child", *place, *flags]


def _environment(device: str, folder: Path) -> dict[str, str]:
    """Variables of a part: one device, no network, and all that is cached beside its files."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    chosen = {"CUDA_VISIBLE_DEVICES": first}
    if device == "cpu":
        chosen = {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **{name: value for name, value in os.environ.items() if name not in LAUNCHED},
        **OFFLINE,
        **chosen,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "TMPDIR": str(folder),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "NUMBA_CACHE_DIR": str(folder / "numba"),
    }


def _run(
    part: Part, command: list[str], allotted: float, report: Report, env: Mapping[str, str]
) -> None:
    """One part to its end, or to that of its time."""
    entry, began = report.begin(part.name), time.time()
    report.say(f"{part.name}: {allotted:.0f} s at most")
    with tempfile.TemporaryFile("w+") as errors, _started(command, env, errors) as process:
        clock = threading.Timer(allotted, _stop, [process])
        clock.start()
        try:
            failed, code = _listen(process, report), process.wait()
        finally:
            clock.cancel()
        in_time = time.time() - began < allotted
        errors.seek(0)
        entry["errors"] = errors.read()[-4000:]
    entry["seconds"], entry["ended"] = time.time() - began, "done"
    if code and not in_time:
        entry["ended"] = "stopped"
        report.add({"note": "stopped at the end of its time"})
    elif failed or code:
        entry["ended"] = "failed"
        report.add({"note": failed or f"ended with exit code {code}"})
    report.write()


def _listen(process: subprocess.Popen[str], report: Report) -> str:
    """Report what a part says; returns how it failed, if it says so."""
    assert process.stdout is not None
    failed = ""
    for text in process.stdout:
        with suppress(ValueError):  # half of a line, of a process that was ended
            said = json.loads(text)
            if "failed" in said:
                failed = f"failed: {said['failed']}"
            else:
                report.add(said)
    return failed


@contextmanager
def _started(command: list[str], env: Mapping[str, str], errors: Any) -> Iterator[Any]:
    """A process with a group of its own, all of which ends with the block."""
    process = subprocess.Popen(
        command,
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _stop(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
