"""What tests of several folders use: the command line, one run of everything, a browser."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.browser import open_browser

Command = Callable[..., "CompletedProcess[str]"]

# A shell starts what runs in its background deaf to Ctrl-C, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def culture_sim() -> Command:
    """Run a command on the runs of a folder, one thread a process, to its end."""

    def run(runs: Path, command: str, *options: str) -> CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "culture_sim", command, "--runs", str(runs), *options],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return run


@pytest.fixture(scope="session")
def runs(culture_sim, tmp_path_factory) -> Path:
    """A folder with the run "smoke", every stage of the preset done."""
    folder = tmp_path_factory.mktemp("runs")
    ended = culture_sim(folder, "culture", "--preset", "smoke")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    driver = open_browser(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()
