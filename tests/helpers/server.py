"""The server that processes of tests are forked from, one for all tests of a process.

To load its libraries takes it longer than most tests. So whichever test starts it, it loads what
any of them needs; and a test that ends its server has one of its own.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver

import pytest

AHEAD = "tests.helpers.ahead"
as_asked = multiprocessing.set_forkserver_preload


def load_everything() -> None:
    """From here on, a server that this process starts loads the libraries of all its workers."""

    def everything(modules: list[str]) -> None:
        from culture_sim.launch.workers import LIBRARIES

        more = [module for libraries in LIBRARIES.values() for module in libraries]
        *asked, last = modules
        as_asked([*dict.fromkeys([*asked, *more, AHEAD]), last])

    multiprocessing.set_forkserver_preload = everything


@contextmanager
def another_server() -> Iterator[None]:
    """A server to do harm to, which loads what is asked for; afterwards the usual one again."""
    server = forkserver._forkserver  # type: ignore[attr-defined]
    usual = dict(vars(server))
    server.__init__()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(multiprocessing, "set_forkserver_preload", as_asked)
            yield
    finally:
        server._stop()
        vars(server).update(usual)
