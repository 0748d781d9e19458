"""Commands as processes: started, watched, signalled, and ended at a time limit.

A command needs seconds to load its libraries, and hardly any for its work on a tiny run. So most
are forked from the campaign, which has loaded them once, and their workers from them. Some begin
``afresh``, as a person starts them; those that look at how a process begins always do.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import pkgutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.helpers.processes import workers
from tests.helpers.tyro_cache import trust_cache

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300.0
"""After which a command that takes seconds is said to hang."""
RUN_LOCK = ".run.lock"
AT_WORK: list[Started] = []
"""Commands that were started and may be at work."""


@dataclass(frozen=True)
class How:
    """Circumstances of a command.

    afresh: it is a Python of its own, else a copy of this one. environment: variables that differ
    from the campaign's, None for those that are taken away. folder: where it starts. prepare: what
    its process does first, such as giving up rights.
    """

    afresh: bool = False
    environment: Mapping[str, str | None] = field(default_factory=dict)
    folder: Path | None = None
    prepare: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Ended:
    """What became of a command. code: None when it hung; negative when a signal killed it."""

    words: tuple[str, ...]
    code: int | None
    out: str
    err: str


class Started:
    """A command at work, in a session of its own. said: where its outputs are."""

    def __init__(self, pid: int, words: Sequence[str], said: Path) -> None:
        self.pid, self.words, self._said = pid, tuple(words), said
        self._code: int | None = None

    def has_ended(self) -> bool:
        """Whether it has, without waiting."""
        if self._code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code is not None

    def has_ended_within(self, seconds: float) -> bool:
        """Whether it has when so much time has passed; returns as soon as it has."""
        until = time.monotonic() + seconds
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(0.01)
        return self._code is not None

    def send(self, number: int) -> None:
        """A signal to its group, as a terminal or a scheduler sends it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self) -> Ended:
        """Its end; a command that hangs is killed."""
        hangs = not self.has_ended_within(PATIENCE_S)
        if hangs:
            self.send(signal.SIGKILL)
            self.has_ended_within(PATIENCE_S)
        out, err = (
            self._said.with_suffix(end).read_text(errors="replace") for end in (".out", ".err")
        )
        return Ended(self.words, None if hangs else self._code, out, err)


def load_libraries() -> None:
    """Load once what every command would."""
    trust_cache()
    from culture_sim import commands
    from culture_sim.launch.workers import LIBRARIES

    names = [
        module.name for module in pkgutil.iter_modules(commands.__path__, "culture_sim.commands.")
    ]
    names += [name for libraries in LIBRARIES.values() for name in libraries]
    for name in dict.fromkeys(("culture_sim.cli", "culture_sim.launch.pipeline", *names)):
        importlib.import_module(name)


def start(words: Sequence[str], said: Path, how: How | None = None) -> Started:
    """Start a command. said: a path, without an ending, for what it prints."""
    said.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _become(words, said, how or How(), writing)
    os.close(writing)
    os.read(reading, 1)  # nothing comes, and the end of it when the process has its session
    os.close(reading)
    started = Started(pid, words, said)
    AT_WORK.append(started)
    return started


def run(words: Sequence[str], said: Path, how: How | None = None) -> Ended:
    """The same, to its end."""
    return start(words, said, how).wait()


def _become(words: Sequence[str], said: Path, how: How, ready: int) -> NoReturn:
    """The forked process from here to its end."""
    try:
        os.setsid()
        os.close(ready)
        _take_outputs(said)
        atexit._clear()  # what the campaign wants done at its end is not this process's to do
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if how.folder is not None:
            os.chdir(how.folder)
        for name, value in how.environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        how.prepare()
        if how.afresh:
            command = [sys.executable, "-m", "culture_sim", *words]
            os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": str(ROOT)})
        _obey(words)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(1)


def _take_outputs(said: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(said.with_suffix(".out"), flags), 1)
    os.dup2(os.open(said.with_suffix(".err"), flags), 2)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115


def _obey(words: Sequence[str]) -> None:
    """What ``python -m culture_sim`` does, with workers forked from here."""
    from culture_sim.__main__ import main
    from culture_sim.launch import workers as launch

    launch._context = lambda stages: _Forks()  # type: ignore[assignment, return-value]
    sys.argv = ["culture-sim", *words]
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


def stop_commands() -> None:
    """Kill commands that are at work still, as after an interruption; their workers end."""
    for started in AT_WORK:
        if not started.has_ended():
            started.send(signal.SIGKILL)
            started.has_ended_within(PATIENCE_S)
    AT_WORK.clear()


def stop_workers(path: Path, seconds: float = 10.0) -> bool:
    """Whether the run's workers end by themselves in time; those left are killed."""
    until = time.monotonic() + seconds
    while workers(path) and time.monotonic() < until:
        time.sleep(0.02)
    left = workers(path)
    kill_workers(path)
    return not left


def kill_workers(path: Path) -> None:
    """SIGKILL every worker of the run at a path."""
    for worker in workers(path):
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
