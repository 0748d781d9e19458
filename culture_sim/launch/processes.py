"""Processes that were launched together: how many, which one leads, what it tells the others.

`accelerate launch`, torchrun and mpirun hand each process its place in RANK, WORLD_SIZE and the
rest; `culture_sim.launch.workers` does the same on one machine. Under an outside launcher (several
machines, or one of your own) nothing is started.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate.utils import broadcast_object_list
from torch.distributed import DistError

from agents.precision import process_state
from culture_sim.launch.place import place_in
from world.core.cores import usable_cores
from world.core.errors import UserError

END = "end"
"""The word after the last stage."""


class WorkerError(UserError):
    """A worker ended badly; the message is its own error line, or where its log is."""


def launched_outside() -> bool:
    """True under accelerate launch, torchrun or mpirun with several processes."""
    return place_in(os.environ) is not None


def tell(word: str) -> None:
    """Say to the processes of an outside launcher which stage comes now, or END."""
    broadcast_object_list([word])
    # Nobody leaves before all have heard it.
    process_state().wait_for_everyone()


def told() -> str:
    """What the leading process says next; waits for it."""
    words = [""]
    broadcast_object_list(words)
    process_state().wait_for_everyone()
    return words[0]


@contextmanager
def connection() -> Iterator[None]:
    """Turn the loss of another process of the run into WorkerError: its own line says why."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, DistError) and "gloo" not in str(error):
            raise
        raise WorkerError("lost another process of this run, which says why it ended") from error


def default_processes(agents: int) -> int:
    """One process a GPU, or one a core that may be used; never more than there are agents."""
    places = torch.cuda.device_count() if torch.cuda.is_available() else usable_cores()
    return max(1, min(places, agents))
