"""The server that tests are forked from: what it has loaded, whoever starts it."""

import multiprocessing
import sys
from functools import partial

import pytest

from culture_sim.launch.workers import LIBRARIES, load_ahead
from tests.helpers.server import AHEAD, another_server

WANTED = {AHEAD, *(module for libraries in LIBRARIES.values() for module in libraries)}


def pid_of_server() -> int | None:
    return multiprocessing.forkserver._forkserver._forkserver_pid


def loaded(wanted: set[str]) -> None:
    """In a forked process: exit with how many are missing."""
    sys.exit(len(wanted - sys.modules.keys()))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_it_loads_all_that_any_test_needs():
    assert load_ahead(["report"])
    process = multiprocessing.get_context("forkserver").Process(target=partial(loaded, WANTED))
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_one_to_do_harm_to_leaves_it_alone():
    load_ahead(["report"])
    usual = pid_of_server()
    with another_server():
        assert pid_of_server() is None
        load_ahead([])
        assert pid_of_server() not in (None, usual)
    assert pid_of_server() == usual
    test_it_loads_all_that_any_test_needs()
