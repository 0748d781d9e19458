"""``pytest --quick``: the tests that start no process, open no browser and take little time.

A test says that it is none of these by the mark ``slow``; it has it, too, when a fixture that it
uses asks for ``takes_long``, and the mark ``browser`` when it uses the browser. One that has
neither is watched: it fails when it starts a process, or takes more than ``LIMIT_S`` seconds of
this process's time, its fixtures included.
"""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

LIMIT_S = 5.0
MARKS = {"takes_long": "slow", "browser": "browser"}
"""Marks that tests have by the fixtures that they use, however far removed."""
STARTS = ((subprocess.Popen, "__init__"), (BaseProcess, "start"), (os, "fork"))
"""What every start of a process goes through."""
BEGAN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "leave out what is slow or needs a browser, and fail what turns out to be"
    parser.addoption("--quick", action="store_true", help=text)


@pytest.fixture(scope="session")
def takes_long() -> None:
    """Does nothing; a fixture that trains, or starts processes, asks for it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in MARKS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKS[fixture])
    if config.getoption("quick"):
        # The first time, each starts a process.
        platform.uname().processor  # noqa: B018
        importlib.import_module("sae_lens")
        left_out = [item for item in items if any(map(item.get_closest_marker, MARKS.values()))]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if not item.config.getoption("quick"):
        return (yield)
    item.stash[BEGAN] = time.process_time()
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in STARTS:
            patch.setattr(owner, name, _refuse)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    result = yield
    if item.config.getoption("quick"):
        spent = time.process_time() - item.stash[BEGAN]
        if spent > LIMIT_S:
            pytest.fail(f"took {spent:.1f} s of the processor: mark it slow", pytrace=False)
    return result


def _refuse(*_: Any, **__: Any) -> None:
    pytest.fail("it starts a process: mark it slow")
