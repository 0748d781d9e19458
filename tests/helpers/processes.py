"""The processes of a run as the system sees them, and the weights that they leave."""

import os
import signal
import time
from pathlib import Path

from safetensors.torch import load_file

PATIENCE_S = 120
"""For what takes seconds on an idle machine."""


def wait_until(condition, process, pause=0.01):
    """Wait for something that a process does before it ends."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        said = process.stderr.read() if process.poll() is not None and process.stderr else ""
        assert process.poll() is None, f"the command ended before it came to this: {said}"
        assert time.monotonic() < until, "the command did not come to this in time"
        time.sleep(pause)


def workers(path):
    """Process ids of the run's workers that are alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().strip(b"\0").split()
        except OSError:
            continue
        if words[:1] == [b"culture_sim.worker"] and str(path).encode() in words:
            found.append(int(entry.name))
    return found


def kill_with_workers(process, path):
    """SIGKILL the launcher's group and every worker of this run, as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    for worker in workers(path):
        os.kill(worker, signal.SIGKILL)
    process.wait()


def tensors(path):
    """Every tensor of a run's agents, by agent, file and name.

    What a killed process left beside an agent, such as ``.0.old``, is no agent.
    """
    return {
        (file.parent.name, file.name, key): value
        for file in sorted((path / "agents").glob("[0-9]*/*.safetensors"))
        for key, value in load_file(file).items()
    }


def equal(one, other):
    """True when two runs have the same tensors, bit for bit."""
    assert one.keys() == other.keys()
    return all(one[key].equal(other[key]) for key in one)
