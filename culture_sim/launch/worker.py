"""What a worker process does: its part of a job, such as a stage of a run."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import TextIOWrapper
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

import torch
from setproctitle import setproctitle

from culture_sim.experiment import run_stage
from culture_sim.launch.exit import exit_now
from culture_sim.launch.memory import keep_freed_memory
from culture_sim.launch.output import describe_os_error
from culture_sim.run.run import Run
from world.core.errors import ERROR_PREFIX, UserError


def work(
    do: Callable[[], None],
    title: str,
    log: Path,
    environment: Mapping[str, str],
    says: Connection,
) -> NoReturn:
    """Do this process's part of a job; exits with 0, or 2 on a user's error.

    title: in the list of processes. environment: has the variables that give it its place. What is
    printed goes to ``log``, and the line of an error to ``says``, too: the log's disk may be full.
    """
    threading.Thread(target=_end_with_the_launcher, daemon=True).start()
    keep_freed_memory()  # as a server does for what is forked from it; this may have started afresh
    with suppress(PermissionError):  # it is the first of a session
        os.setsid()
    # Before the environment changes: the room for the name is found beside it.
    setproctitle(f"culture_sim.worker {title}")
    _write_to(log)
    _settle(environment)
    exit_now(_work(do, says))


def do_stage(path: Path, stage: str) -> None:
    """This process's part of a stage of the run at ``path``."""
    run_stage(Run.open(path), stage)


def _work(do: Callable[[], None], says: Connection) -> int:
    try:
        do()
    except UserError as error:
        return _refused(str(error), says)
    except OSError as error:
        return _refused(describe_os_error(error), says)
    return 0


def _refused(message: str, says: Connection) -> int:
    with suppress(OSError):
        print(f"{ERROR_PREFIX}{message}", file=sys.stderr, flush=True)
    with suppress(OSError):
        says.send_bytes(message.encode())
    return 2


def _end_with_the_launcher() -> None:
    """Leave nothing running behind a launcher, or its server, that is gone or was killed."""
    launcher, starter = multiprocessing.parent_process(), os.getppid()
    assert launcher is not None
    while not wait([launcher.sentinel], timeout=0.5) and os.getppid() == starter:
        pass
    os._exit(1)


def _write_to(log: Path) -> None:
    """What this process and its libraries print goes to a file, line by line."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def _settle(environment: Mapping[str, str]) -> None:
    """Take these variables, and the number of threads that a loaded library has read already."""
    if environment["OMP_NUM_THREADS"] != os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
    os.environ.update(environment)
