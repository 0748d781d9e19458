"""What is done when a process ends, and what is not."""

import subprocess
import sys

SCRIPT = """
import tempfile, weakref
import torch
from culture_sim.launch.exit import exit_now, leave_operators

place = tempfile.TemporaryDirectory()
leave_operators()
done = [f.peek()[1].__module__ for f in list(weakref.finalize._registry) if f.atexit]
print(place.name, done.count("torch.library"), done.count("tempfile"))
exit_now(3)
"""


def test_operators_are_left_and_all_else_is_cleaned_up(tmp_path):
    words = [sys.executable, "-c", SCRIPT]
    ended = subprocess.run(
        words, env={"TMPDIR": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3, ended.stderr
    place, operators, folders = ended.stdout.split()
    assert place.startswith(str(tmp_path))
    assert (operators, folders) == ("0", "1")
    assert list(tmp_path.iterdir()) == []
