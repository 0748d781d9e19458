"""What is done when a process ends, and what is not."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import functools, tempfile, weakref
import torch
from culture_sim.launch.exit import exit_now, leave_operators

def done():
    left = (f.peek()[1] for f in list(weakref.finalize._registry) if f.atexit)
    return [getattr(function, "__module__", "") for function in left]

place = tempfile.TemporaryDirectory()
weakref.finalize(exit_now, functools.partial(print, "a partial has no name"))
before = done().count("torch.library")
leave_operators()
print(place.name, before, done().count("torch.library"), done().count("tempfile"))
exit_now(3)
"""


def test_operators_are_left_and_all_else_is_cleaned_up(tmp_path):
    words = [sys.executable, "-c", SCRIPT]
    ended = subprocess.run(
        words, env={"TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3, ended.stderr
    said, last = ended.stdout.splitlines()
    place, before, operators, folders = said.split()
    assert place.startswith(str(tmp_path))
    assert int(before) > 0
    assert (operators, folders) == ("0", "1")
    assert last == "a partial has no name"
    assert list(tmp_path.iterdir()) == []
