"""Scripts as processes of their own, forked from the server that has loaded all libraries.

A script that is begun afresh takes seconds to load them, and most take less for the rest.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TextIO

import pytest

from culture_sim.launch.workers import LIBRARIES, load_ahead
from tests.helpers.commands import Ended


class Started:
    """A script at work."""

    def __init__(self, process: BaseProcess, outputs: Sequence[Path]) -> None:
        self._process, self._outputs = process, outputs

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def stderr(self) -> TextIO:
        return self._outputs[1].open()

    def poll(self) -> int | None:
        """Its exit code, negative when a signal killed it; None while it is at work."""
        return self._process.exitcode

    def ended(self) -> Ended:
        """Wait for its end."""
        self._process.join()
        code = self.poll()
        assert code is not None
        return Ended(code, *(file.read_text() for file in self._outputs))


def run_script(script: str | Path, arguments: Sequence[object], folder: Path) -> Ended:
    """Run a file, or a module that is named with dots, to its end. folder: where it starts."""
    return start_script(script, arguments, folder).ended()


def start_script(script: str | Path, arguments: Sequence[object], folder: Path) -> Started:
    """Start a file, or a module that is named with dots. folder: where."""
    said = folder.with_name(f"{folder.name}-said")
    said.mkdir()
    outputs = [said / name for name in ("out", "err")]
    words = [str(script), *map(str, arguments)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        load_ahead(LIBRARIES)
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=_become, args=(words, folder, outputs))
        process.start()
    return Started(process, outputs)


def _become(words: list[str], folder: Path, outputs: list[Path]) -> None:
    os.chdir(folder)
    # The server is deaf to Ctrl-C, and so are its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for number, file in enumerate(outputs, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    sys.argv, (script, *_) = words, words
    if script.endswith(".py"):
        runpy.run_path(script, run_name="__main__")
    else:
        runpy.run_module(script, run_name="__main__", alter_sys=True)
