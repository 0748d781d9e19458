"""Commands as processes of their own that need no time to begin.

A command that is begun afresh takes seconds to load its libraries, and so does the server that its
workers are forked from. A command here is forked from a server that has loaded all. So is its own
server, before the command does anything: it knows no more of it than a fresh one.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from subprocess import TimeoutExpired
from threading import Thread
from typing import Any, NoReturn

import pytest

from culture_sim.launch.workers import LIBRARIES, SERVER, SETTLED, load_ahead
from tests.helpers.commands import Ended
from tests.helpers.processes import PATIENCE_S
from tests.helpers.tyro_cache import trust_cache

ABOVE = 200
"""Numbers of files that nothing else has yet."""


class Launched:
    """A process that was started, with what tests use of ``subprocess.Popen``."""

    def __init__(self, process: Any, stdout: Connection, stderr: Connection) -> None:
        self._process, self.pid = process, process.pid
        self.stdout, self.stderr = (
            os.fdopen(os.dup(end.fileno()), encoding="utf-8", errors="replace")
            for end in (stdout, stderr)
        )

    @property
    def returncode(self) -> int | None:
        """Negative when a signal killed it; None while it is at work."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float = PATIENCE_S) -> int:
        """Its exit code, when it has ended."""
        self._process.join(timeout)
        if self.returncode is None:
            raise TimeoutExpired(str(self.pid), timeout)
        return self.returncode

    def communicate(self, timeout: float = PATIENCE_S) -> tuple[str, str]:
        """What it says until it has ended; nothing more is read after that."""
        said = ["", ""]

        def read(number: int) -> None:
            with (self.stdout, self.stderr)[number] as stream:
                said[number] = stream.read()

        if self.stdout.closed:
            return "", ""
        readers = [Thread(target=read, args=(number,), daemon=True) for number in (0, 1)]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return said[0], said[1]

    def ended(self, timeout: float = PATIENCE_S) -> Ended:
        """Its exit code and what it said, when it has ended."""
        said = self.communicate(timeout)
        return Ended(self.wait(timeout), *said)

    def send_signal(self, number: int) -> None:
        """A signal to this process alone, where it is at work."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def nothing() -> None:
    """What a process does first that has nothing to prepare."""


def launch(
    words: Sequence[object],
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
    path: Sequence[Path] = (),
    prepare: Callable[[], object] = nothing,
    main: Callable[[], object] | None = None,
) -> Launched:
    """Start ``python -m culture_sim`` with these words, in a session of its own.

    folder: where it starts. variables: of its environment, beside those of this process. path:
    where Python finds modules, too. prepare: what the process does first. main: what it does in
    place of the command line.
    """
    (stdout, out), (stderr, err), (ready, writes) = (
        multiprocessing.Pipe(duplex=False) for _ in range(3)
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(variables or {})}
    became = partial(_become, [*map(str, words)], folder, environment, [*map(str, path)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        load_ahead(LIBRARIES)
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=became, args=(prepare, main, (out, err), writes))
        process.start()
    for end in (out, err, writes):
        end.close()
    with suppress(EOFError):  # it ended before
        ready.recv()  # from here on it has a session, and hears signals
    return Launched(process, stdout, stderr)


def run(words: Sequence[object], **how: Any) -> Ended:
    """The same, to its end."""
    return launch(words, **how).ended()


@contextmanager
def at_work(words: Sequence[object], **how: Any) -> Iterator[Launched]:
    """The same, killed if it is left at work."""
    process = launch(words, **how)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        # Not read to their end: a worker may still hold the other one.
        process.stdout.close()
        process.stderr.close()


def _become(
    words: list[str],
    folder: Path | None,
    environment: dict[str, str],
    path: list[str],
    prepare: Callable[[], object],
    main: Callable[[], object] | None,
    outputs: tuple[Connection, Connection],
    ready: Connection,
) -> None:
    """The forked process from here to its end."""
    from culture_sim.__main__ import main as command_line

    os.setsid()
    trust_cache()
    _take_outputs(outputs)
    _set_environment(environment)
    if folder is not None:
        os.chdir(folder)
    sys.path[:0] = path
    sys.argv = ["culture-sim", *words]
    prepare()
    _forget_the_server()
    _prepare_a_server()
    _hear_signals(set())
    ready.send(None)
    (main or command_line)()


def _take_outputs(outputs: tuple[Connection, Connection]) -> None:
    for number, end in enumerate(outputs, start=1):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, buffering=1, errors="backslashreplace")  # noqa: SIM115


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # which was chosen by the environment
    multiprocessing.current_process()._config.pop("tempdir", None)  # type: ignore[attr-defined]


def _hear_signals(blocked: set[int]) -> None:
    """As a Python does that has just begun."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _forget_the_server() -> None:
    """This process has none of its own yet."""
    forkserver._forkserver.__init__()  # type: ignore[attr-defined, misc]


def _prepare_a_server() -> None:
    """Fork what becomes this process's server when it starts one, and waits until then."""
    asks, hears = multiprocessing.Pipe()
    pid = os.fork()
    if not pid:
        asks.close()
        _become_a_server(hears)
    hears.close()
    afresh = util.spawnv_passfds

    def spawn(path: bytes, words: Sequence[str], files: Sequence[int]) -> int:
        if "forkserver" not in words[-1]:
            return afresh(path, words, files)
        util.spawnv_passfds = afresh
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        asks.send((words[-1], dict(os.environ), os.getcwd(), blocked, list(files)))
        for file in files:
            send_handle(asks, file, pid)
        asks.close()
        return pid

    util.spawnv_passfds = spawn


def _become_a_server(hears: Connection) -> NoReturn:
    """Wait to be asked, with what a fresh Python would be given."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        code, environment, folder, blocked, files = hears.recv()
        given = [fcntl.fcntl(recv_handle(hears), fcntl.F_DUPFD, ABOVE) for _ in files]
        for file, wanted in zip(given, files, strict=True):
            os.dup2(file, wanted)
        _close_all_but(files)
        _set_environment(environment)
        os.chdir(folder)
        for module in (SERVER, SETTLED):  # for what they do when they are loaded
            sys.modules.pop(module, None)
        _hear_signals(blocked)
        exec(code)
    except EOFError:
        pass  # no server was wanted
    finally:
        os._exit(0)


def _close_all_but(files: Sequence[int]) -> None:
    last = os.sysconf("SC_OPEN_MAX")
    kept = sorted({0, 1, 2, *files})
    for file, following in zip(kept, [*kept[1:], last], strict=True):
        os.closerange(file + 1, following)
