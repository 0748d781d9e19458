"""Quick runs leave out what takes long, and notice what does not say that it does."""

import pytest
import sae_lens  # noqa: F401  # sessions in this process forget what they load, PyTorch loads once

from tests.helpers import quick

CONFTEST = 'pytest_plugins = ["tests.helpers.quick"]'
MARKED = """
import pytest

@pytest.fixture
def trained(takes_long): pass

@pytest.fixture
def browser(): pass

@pytest.fixture
def page(browser): pass

@pytest.mark.slow
def test_marked(): pass
def test_with_a_fixture_that_takes_long(trained): pass
def test_with_a_browser(page): pass
def test_small(): pass
"""
STARTS = {
    "subprocess": "import subprocess\n    subprocess.run(['true'])",
    "fork": "import os\n    os.fork() or os._exit(0)",
    "multiprocessing": "from multiprocessing import get_context\n"
    "    get_context('spawn').Process(target=int).start()",
}


@pytest.fixture
def session(pytester, monkeypatch):
    """A session of tests in this process, as a function of their code and of pytest's options."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nmarkers = slow\n    browser\n")

    def run(code, *options):
        pytester.makepyfile(code)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)

    return run


def test_what_takes_long_is_left_out(session):
    session(MARKED, "--quick").assert_outcomes(passed=1, deselected=3)
    session(MARKED).assert_outcomes(passed=4)
    session(MARKED, "-m", "slow").assert_outcomes(passed=2, deselected=2)
    session(MARKED, "-m", "browser").assert_outcomes(passed=1, deselected=3)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_process_is_refused(session, start):
    ended = session(f"def test_starts():\n    {start}\n", "--quick")
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines("*it starts a process: mark it slow*")


def test_time_of_the_processor_is_counted_with_that_of_fixtures(session, monkeypatch):
    monkeypatch.setattr(quick, "LIMIT_S", 0.1)
    code = """
    import time, pytest

    @pytest.fixture
    def busy():
        began = time.process_time()
        while time.process_time() < began + 0.2: pass

    def test_busy(busy): pass
    def test_waits(): time.sleep(0.2)
    """
    ended = session(code, "--quick")
    ended.assert_outcomes(passed=2, errors=1)
    ended.stdout.fnmatch_lines("*took 0.* s of the processor: mark it slow*")
    session(code).assert_outcomes(passed=2)
