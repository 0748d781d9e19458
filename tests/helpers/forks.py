"""Commands that are copies of a process that has loaded all libraries, and their workers of them.

A command needs seconds to load its libraries, and hardly any for its work on a tiny run.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

RUN_LOCK = ".run.lock"


def obey() -> NoReturn:
    """What ``python -m culture_sim`` does with the arguments of this process."""
    from culture_sim.__main__ import main
    from culture_sim.launch import workers as launch

    launch._context = lambda stages: _Forks()  # type: ignore[assignment, return-value]
    main()


class _Forks:
    """Stands for multiprocessing's context: workers that are copies of the command."""

    Pipe = staticmethod(multiprocessing.Pipe)

    def Process(self, target: Callable[..., object], args: tuple[Any, ...]) -> Any:
        """A worker, not started yet."""
        context = multiprocessing.get_context("fork")
        return context.Process(target=_as_from_a_server, args=(target, args))


def _as_from_a_server(target: Callable[..., object], args: tuple[Any, ...]) -> None:
    """Forget what a worker that was forked from the server never had of the command."""
    from accelerate.state import AcceleratorState, GradientState, PartialState

    os.setsid()
    atexit._clear()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if os.readlink(descriptor).endswith(RUN_LOCK):
                os.close(int(descriptor.name))
    target(*args)
