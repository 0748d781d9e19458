"""What tests of several folders use: one run of everything, a browser."""

import gc
import importlib
import os
import signal
import sys
from pathlib import Path

import pytest
from jaxtyping import config

from culture_sim.launch.memory import keep_freed_memory
from tests.helpers.browser import open_browser
from tests.helpers.once import made_once
from tests.helpers.server import load_everything
from tests.helpers.shapes import check_annotations
from tests.helpers.tyro_cache import trust_cache

pytest_plugins = ["pytester", "tests.helpers.quick"]

if "PYTEST_XDIST_WORKER" in os.environ:  # the process that only distributes tests collects none
    gc.disable()  # while libraries and tests are loaded, of which nothing is garbage

check_annotations()
keep_freed_memory()

# A shell starts what runs in its background deaf to Ctrl-C, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

trust_cache()
load_everything()


def pytest_collection_finish() -> None:
    """What is loaded now is there to stay, and need not be looked through for garbage."""
    importlib.import_module("hypothesis")  # it looks for what refers to its generators
    gc.freeze()
    gc.enable()


@pytest.fixture
def unchecked():
    """No checks of annotations: the compiler cannot look through them; a stand-in fails them."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def runs(takes_long, tmp_path_factory) -> Path:
    """A folder with the run "smoke", every stage of the preset done."""

    def make(path: Path) -> None:
        from tests.helpers import launched  # imports modules whose annotations are to be checked

        place = ("--runs", path.parent, "--run", path.name)
        ended = launched.run(["culture", "--preset", "smoke", *place])
        assert ended.returncode == 0, ended.stdout + ended.stderr

    return made_once(tmp_path_factory, "smoke", make).parent


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    driver = open_browser(tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


def pytest_runtest_teardown() -> None:
    """The next test that makes an accelerator of its own means float32, whatever was asked last."""
    if (accelerate := sys.modules.get("accelerate.state")) and (
        state := accelerate.AcceleratorState._shared_state
    ):
        state["_mixed_precision"] = "no"
