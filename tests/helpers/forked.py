"""Scripts and commands as processes of their own, forked from the server that has loaded all.

What is begun afresh takes seconds to load its libraries, and most takes less for the rest.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from multiprocessing.process import BaseProcess
from pathlib import Path
from uuid import uuid4

import pytest

from culture_sim.launch.workers import LIBRARIES, load_ahead
from tests.helpers.commands import Ended
from tests.helpers.forks import obey

COMMAND = "culture_sim"
"""The script that is the command line; its workers are forked from it."""


class Forked:
    """A process at work in a session of its own, with what is used of ``subprocess.Popen``."""

    def __init__(self, process: BaseProcess, outputs: Sequence[Path]) -> None:
        assert process.pid is not None
        self.pid: int = process.pid
        self._process, self._outputs = process, outputs

    @property
    def stderr(self) -> StringIO:
        """What it has said of errors so far."""
        return StringIO(self._outputs[1].read_text())

    def poll(self) -> int | None:
        """Its exit code, None while it is at work."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code."""
        return self.ended(timeout).returncode

    def ended(self, timeout: float | None = None) -> Ended:
        """Its exit code and what it said."""
        self._process.join(timeout)
        said = [file.read_text() for file in self._outputs]
        assert self._process.exitcode is not None, said
        return Ended(self._process.exitcode, *said)

    def send_signal(self, number: int) -> None:
        """A signal to it alone."""
        os.kill(self.pid, number)


def run_script(script: str | Path, arguments: Sequence[object], folder: Path) -> Ended:
    """Run a file, or a module that is named with dots, to its end. folder: where it starts."""
    with at_work(script, arguments, folder) as process:
        return process.ended()


@contextmanager
def at_work(
    script: str | Path,
    arguments: Sequence[object],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Forked]:
    """A file, module or COMMAND that is begun in a folder, and killed if it is left at work.

    environment: variables that differ from those that this process had when the server was begun.
    """
    said = folder.with_name(f"{folder.name}-said-{uuid4().hex}")
    said.mkdir()
    outputs = [said / name for name in ("out", "err")]
    for file in outputs:
        file.touch()
    words = [str(script), *map(str, arguments)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        load_ahead(LIBRARIES)
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=_become, args=(words, folder, outputs, environment or {}))
        process.start()
    try:
        yield Forked(process, outputs)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.join()


def _become(
    words: list[str], folder: Path, outputs: list[Path], environment: Mapping[str, str]
) -> None:
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.update(environment)
    for number, file in enumerate(outputs, start=1):
        os.dup2(os.open(file, os.O_WRONLY), number)
    sys.argv, (script, *_) = words, words
    if script == COMMAND:
        obey()
    elif script.endswith(".py"):
        runpy.run_path(script, run_name="__main__")
    else:
        runpy.run_module(script, run_name="__main__", alter_sys=True)
