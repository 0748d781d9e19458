"""Commands in this process, which has loaded their libraries; their workers are processes."""

import signal
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import pytest

from culture_sim.cli import main


@dataclass(frozen=True)
class Ended:
    """A command's exit code and what it said."""

    returncode: int
    stdout: str
    stderr: str


def culture_sim(*arguments: str) -> Ended:
    """Run a command to its end, one thread a process."""
    out, err = StringIO(), StringIO()
    earlier = signal.getsignal(signal.SIGTERM)  # the command line sets its own
    try:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setenv("OMP_NUM_THREADS", "1")
            code = main(list(arguments))
    finally:
        signal.signal(signal.SIGTERM, earlier)
    return Ended(code, out.getvalue(), err.getvalue())
