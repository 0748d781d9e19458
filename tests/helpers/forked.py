"""Scripts as processes of their own, forked from the server that has loaded all libraries.

A script that is begun afresh takes seconds to load them, and most take less for the rest.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from culture_sim.launch.workers import LIBRARIES, load_ahead
from tests.helpers.commands import Ended


def run_script(script: str | Path, arguments: Sequence[object], folder: Path) -> Ended:
    """Run a file, or a module that is named with dots, to its end. folder: where it starts."""
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
    process.join()
    assert process.exitcode is not None
    return Ended(process.exitcode, *(file.read_text() for file in outputs))


def _become(words: list[str], folder: Path, outputs: list[Path]) -> None:
    os.chdir(folder)
    for number, file in enumerate(outputs, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    sys.argv, (script, *_) = words, words
    if script.endswith(".py"):
        runpy.run_path(script, run_name="__main__")
    else:
        runpy.run_module(script, run_name="__main__", alter_sys=True)
