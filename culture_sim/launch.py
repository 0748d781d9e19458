"""Worker processes: one a core or GPU, joined by the variables that accelerate reads.

`accelerate launch` and torchrun hand each process its place in RANK, WORLD_SIZE and the rest;
this does the same for the processes of one machine, and keeps what they say on standard error
in a log, so that the terminal shows one line when something is wrong. Under `accelerate launch`
itself (several machines, or a launcher of your own) nothing is spawned.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate.utils import broadcast_object_list, get_cpu_distributed_information
from torch.distributed import DistError

from agents.precision import process_state
from culture_sim.run import Run
from world.errors import UserError

ERROR_PREFIX = "culture-sim: error: "
# Large tensors are freed and taken again at every step; without these, glibc returns their
# pages to the system each time and a step is about a tenth slower.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


END = "end"
"""The word after the last stage."""


class WorkerError(UserError):
    """A worker ended badly; the message is its own error line, or where its log is."""


def launched_outside() -> bool:
    """True under accelerate launch, torchrun or mpirun with several processes."""
    return get_cpu_distributed_information().world_size > 1


def leads() -> bool:
    """True for the process that decides: the only one, or an outside launcher's first."""
    return get_cpu_distributed_information().rank == 0


def tell(word: str) -> None:
    """Say to the processes of an outside launcher which stage comes now, or END."""
    broadcast_object_list([word])
    # Nobody leaves before all have heard it.
    process_state().wait_for_everyone()


def told() -> str:
    """What the leading process says next; waits for it."""
    said = [""]
    broadcast_object_list(said)
    process_state().wait_for_everyone()
    return said[0]


@contextmanager
def connection() -> Iterator[None]:
    """Turn the loss of another process of the run into WorkerError: its own line says why."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, DistError) and "gloo" not in str(error):
            raise
        raise WorkerError("lost another process of this run, which says why it ended") from error


def default_processes(agents: int) -> int:
    """One process a GPU, or one a core; never more than there are agents."""
    places = torch.cuda.device_count() if torch.cuda.is_available() else _usable_cores()
    return max(1, min(places, agents))


def run_workers(run: Run, stage: str, processes: int, tick: Callable[[], None]) -> None:
    """Run one stage in worker processes; calls ``tick`` now and then while they work.

    Raises WorkerError when a worker fails; the others are ended first.
    """
    logs = run.path / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    files = [logs / f"{stage}-{rank}.log" for rank in range(processes)]
    with _processes(run, stage, files) as workers:
        while any(worker.poll() is None for worker in workers):
            tick()
            if any(worker.poll() not in (None, 0) for worker in workers):
                break
            time.sleep(0.1)
        tick()
        failed = [rank for rank, worker in enumerate(workers) if worker.poll() not in (None, 0)]
    if failed:
        # One worker's error breaks the connection of the others: the one that explains itself.
        failed.sort(key=lambda rank: ERROR_PREFIX not in files[rank].read_text(errors="replace"))
        raise WorkerError(_reason(files[failed[0]], workers[failed[0]].returncode))


@contextmanager
def _processes(run: Run, stage: str, files: list[Path]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start the workers and, whatever happens, leave none behind."""
    port = str(_free_port())
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for rank, file in enumerate(files):
            command = [sys.executable, "-m", "culture_sim.worker", stage, str(run.path)]
            with file.open("wb") as log, _uninterrupted():
                workers.append(
                    subprocess.Popen(
                        command,
                        env=_environment(rank, len(files), port),
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        stdin=subprocess.DEVNULL,
                        start_new_session=True,
                    )
                )
        yield workers
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in workers:
            _wait(worker)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold an interruption back: between a worker's start and the note of it, it would be lost."""
    held: list[int] = []
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    mine = [number for number, handler in earlier.items() if callable(handler)]
    if threading.current_thread() is not threading.main_thread():
        mine = []  # signals come to the main thread, which is not at this place
    for number in mine:
        signal.signal(number, lambda *_: held.append(1))
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, earlier[number])
    if held:
        raise KeyboardInterrupt


def _wait(worker: subprocess.Popen[bytes]) -> None:
    try:
        worker.wait(timeout=10)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def _environment(rank: int, processes: int, port: str) -> dict[str, str]:
    threads = str(max(1, _usable_cores() // processes))
    own = {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "ACCELERATE_USE_CPU": str(not torch.cuda.is_available()).lower(),
        "CULTURE_SIM_LAUNCHER": str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
    }
    return {"OMP_NUM_THREADS": threads, **ALLOCATOR, **os.environ, **own}


def _reason(log: Path, code: int) -> str:
    """The worker's error line if it wrote one, else the last line of its log and where it is."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    for line in reversed(lines):
        if line.startswith(ERROR_PREFIX):
            return line.removeprefix(ERROR_PREFIX)
    last = lines[-1].strip() if lines else f"exit code {code}"
    return f"a worker ended unexpectedly ({last}); its log is {log}; run the command again to go on"


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
