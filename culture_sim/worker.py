"""The entry point of a worker process: one stage of one run, in its place among the others."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from culture_sim.launch import ERROR_PREFIX
from culture_sim.leave import leave
from culture_sim.run import Run
from world.errors import UserError


def main() -> int:
    """``python -m culture_sim.worker STAGE RUN``; exits with 0, or 2 on a user's error."""
    # The launcher decides what an interruption means; it ends workers by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_launcher, daemon=True).start()
    stage, path = sys.argv[1], Path(sys.argv[2])
    from culture_sim.stages import run_stage

    try:
        run_stage(Run.open(path), stage)
    except UserError as error:
        print(f"{ERROR_PREFIX}{error}", file=sys.stderr, flush=True)
        return 2
    except OSError as error:
        print(f"{ERROR_PREFIX}{describe_os_error(error)}", file=sys.stderr, flush=True)
        return 2
    return 0


def _end_with_the_launcher() -> None:
    """Leave nothing running behind a launcher that is gone, killed or interrupted."""
    launcher = os.environ.get("CULTURE_SIM_LAUNCHER")
    while launcher and os.getppid() == int(launcher):
        time.sleep(0.5)
    if launcher:
        os._exit(1)


def describe_os_error(error: OSError) -> str:
    """A full disk, a missing right and their like, in one line."""
    where = f" at {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}; mend that and run the same command again to go on"


if __name__ == "__main__":
    leave(main())
