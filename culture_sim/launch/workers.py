"""Worker processes of this machine: started, watched, ended, and quoted when they fail.

Libraries take seconds to load, so workers are forked from a server that has loaded them once
(multiprocessing's forkserver). A process that may use CUDA cannot be forked from one that asked
for it, and macOS's libraries do not survive a fork: there, every worker starts afresh.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from culture_sim.launch.processes import WorkerError
from culture_sim.launch.worker import do_stage, work
from culture_sim.run.run import Run
from world.core.cores import usable_cores

OPTIMIZERS = "torch._dynamo"  # loaded by the first optimizer
SERVER, SETTLED = "culture_sim.launch.server", "culture_sim.launch.ahead.settled"
"""What the server loads first and last."""
VARIANTS, KERNELS = "culture_sim.launch.ahead.variants", "culture_sim.launch.ahead.kernels"
LIBRARIES = {
    "train": ("culture_sim.population.population", OPTIMIZERS, VARIANTS),
    "round": ("culture_sim.population.learning", OPTIMIZERS, VARIANTS),
    "sae": ("culture_sim.features.stage", OPTIMIZERS, VARIANTS, KERNELS),
    "report": ("culture_sim.report.write", VARIANTS),
    "units": (
        *("culture_sim.experiments.base", "culture_sim.experiments.work"),
        "culture_sim.population.learning",
        *(OPTIMIZERS, VARIANTS, KERNELS),
    ),
}
"""What the workers of a job load, by the first word of its name: a stage of a run, or the units of
an experiment."""


@dataclass(frozen=True)
class Job:
    """What the workers of a command do.

    name: of its logs, and in the list of processes; its first word is in LIBRARIES. folder: what
    is worked on; logs are in its folder ``logs``. do: called in every worker; it is pickled.
    together: whether to libraries the workers are the processes of one job, as accelerate has it,
    or each is alone.
    """

    name: str
    folder: Path
    do: Callable[[], None]
    together: bool = True


def run_workers(
    run: Run,
    stage: str,
    processes: int,
    tick: Callable[[], None],
    later: Sequence[str] = (),
) -> None:
    """Run one stage in worker processes, as ``run_job`` does.

    later: stages that the same command comes to, by their first words: their libraries are loaded
    along.
    """
    run_job(Job(stage, run.path, partial(do_stage, run.path, stage)), processes, tick, later)


def run_job(job: Job, processes: int, tick: Callable[[], None], later: Sequence[str] = ()) -> None:
    """Do a job in worker processes; calls ``tick`` now and then while they work.

    Raises WorkerError when a worker fails; the others are ended first.
    """
    logs = job.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    files = [logs / f"{job.name}-{rank}.log" for rank in range(processes)]
    with _processes(job, later, files) as started:
        workers = [worker for worker, _ in started]
        while alive := [worker.sentinel for worker in workers if worker.exitcode is None]:
            tick()
            if any(worker.exitcode for worker in workers):
                break
            wait(alive, timeout=0.1)
        tick()
        codes = [worker.exitcode or 0 for worker in workers]
        lines = [_heard(says) for _, says in started]
    failed = [rank for rank, code in enumerate(codes) if code]
    if failed:
        # One worker's error breaks the connection of the others: the one that explains itself.
        said = [line for line in lines if line]
        raise WorkerError(said[0] if said else _reason(files[failed[0]], codes[failed[0]]))


def load_ahead(stages: Iterable[str]) -> bool:
    """Have a server, and have it load what these stages need if it is started now.

    Returns False where it has no place for its socket, in a temporary folder of a long name.
    """
    modules = [module for stage in stages for module in LIBRARIES[stage]]
    multiprocessing.set_forkserver_preload([SERVER, *modules, SETTLED])
    try:
        with _without_ctrl_c():
            forkserver.ensure_running()
    except OSError:
        return False
    first = multiprocessing.get_context("forkserver").Process(target=int)  # which does nothing
    with _lost():
        first.start()  # returns when all is loaded, and can be interrupted until then
    first.join()
    return True


@contextmanager
def _processes(
    job: Job, later: Sequence[str], files: list[Path]
) -> Iterator[list[tuple[BaseProcess, Connection]]]:
    """Start the workers and, whatever happens, leave none behind; each with what its errors are
    heard by."""
    port = str(_free_port())
    workers: list[tuple[BaseProcess, Connection]] = []
    try:
        with _environment(_sizes(len(files))):
            context = _context([job.name.partition("-")[0], *later])
            for rank, log in enumerate(files):
                log.write_bytes(b"")
                place = _place(rank, len(files), port) if job.together else {}
                title = f"{job.name} {job.folder} {rank}"
                hears, says = context.Pipe(duplex=False)
                given = (job.do, title, log, {**os.environ, **place}, says)
                process = context.Process(target=work, args=given)
                with _uninterrupted(), _without_ctrl_c(), _lost():
                    process.start()
                    workers.append((process, hears))
                says.close()
        yield workers
    finally:
        for worker, _ in workers:
            if worker.exitcode is None:
                worker.terminate()
        for worker, hears in workers:
            _wait(worker)
            hears.close()


def _context(stages: Sequence[str]) -> ForkServerContext | SpawnContext:
    """How workers of these stages come to be."""
    forks = sys.platform == "linux" and not torch.cuda.is_available()
    if forks and load_ahead(stages):
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables for processes that start now, where the user has not set them."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _sizes(processes: int) -> dict[str, str]:
    """What the libraries read when they are loaded."""
    return {"OMP_NUM_THREADS": str(max(1, usable_cores() // processes))}


def _place(rank: int, processes: int, port: str) -> dict[str, str]:
    """A worker's place among the others, as accelerate reads it."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }


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


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """What starts now is never interrupted by the terminal: the command ends it in order.

    A process inherits the mask, so there is no moment at which it would say that it was.
    """
    resource_tracker.ensure_running()  # it clears the mask when it is started
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


@contextmanager
def _lost() -> Iterator[None]:
    """Say in a line that a process could not be started."""
    try:
        yield
    except (EOFError, ConnectionError) as error:
        raise WorkerError(
            "the process that workers are forked from has ended; if it said why, that is above, "
            "and if not, it may have been out of memory; run the command again to go on"
        ) from error


def _wait(worker: BaseProcess) -> None:
    worker.join(timeout=10)
    if worker.exitcode is None:
        worker.kill()
        worker.join()


def _heard(hears: Connection) -> str:
    """The line with which a worker said why it ended, empty where it did not."""
    try:
        return hears.recv_bytes().decode() if hears.poll() else ""
    except (EOFError, OSError):
        return ""


def _reason(log: Path, code: int) -> str:
    """Of a worker that did not say why it ended: the last line of its log, and where that is."""
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return f"a worker ended unexpectedly (exit code {code}); run the command again to go on"
    last = lines[-1].strip()
    return f"a worker ended unexpectedly ({last}); its log is {log}; run the command again to go on"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
