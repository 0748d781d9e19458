"""Processes of an outside launcher find each other; whoever waits says for whom, and not for ever.

PyTorch's own rendezvous is silent, and waits for as long as any later step may take, which is days.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from torch.distributed import DistError, PrefixStore, Store, TCPStore

from agents.precision import PATIENCE, process_state
from culture_sim.launch.place import Place, alone_command
from culture_sim.launch.processes import WorkerError
from world.core.errors import UserError, first_line

WAITING_S = 300.0
"""How long processes wait for each other at the start: a scheduler may start them minutes apart."""
SAYING_S = 5.0
"""A line on whom they wait for comes as often."""
PAUSE_S = 0.2
ANSWER = timedelta(seconds=20)
"""How long a process that is there may take to answer."""


def meet(place: Place) -> None:
    """Wait until all processes are there, and join them.

    Raises UserError when one does not come, when two have the same rank, or the port is taken.
    """
    until = time.monotonic() + WAITING_S
    with _lost(place):
        store = PrefixStore("culture-sim", _open_store(place, until))
        if store.add(f"rank {place.rank}", 1) > 1:
            raise UserError(f"another process has RANK={place.rank}, too; each needs its own")
        _wait(place, until, lambda: _absent(store, place))
        store.set_timeout(PATIENCE)
        process_state(store=store, rank=place.rank, world_size=place.size)


def _open_store(place: Place, until: float) -> TCPStore:
    """The notes that all can read; the first process keeps them, or torchrun does."""
    keeps = place.rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    if not keeps:
        _wait(place, until, lambda: _unreachable(place))
    try:
        return TCPStore(
            place.address,
            place.port,
            place.size,
            is_master=keeps,
            timeout=ANSWER,
            wait_for_workers=False,
        )
    except DistError as error:
        raise UserError(
            f"cannot meet the other processes at {place.address}:{place.port} "
            f"({first_line(error)}); if another program has that port, choose another MASTER_PORT"
        ) from None


def _unreachable(place: Place) -> str:
    """Why the first process cannot be reached, empty where it can."""
    try:
        socket.create_connection((place.address, place.port), timeout=1.0).close()
    except OSError as error:
        return f"rank 0 ({error.strerror or error})"
    return ""


def _absent(store: Store, place: Place) -> str:
    """The ranks that are not there yet, empty where all are."""
    absent = [rank for rank in range(place.size) if not store.check([f"rank {rank}"])]
    return f"rank{'s' * (len(absent) > 1)} {', '.join(map(str, absent))}" if absent else ""


def _wait(place: Place, until: float, whom: Callable[[], str]) -> None:
    """Until nobody is waited for any more, saying now and then whom this process waits for."""
    said = time.monotonic()
    while waited_for := whom():
        now = time.monotonic()
        about = f"{waited_for} of {place.size} processes at {place.address}:{place.port}"
        if now > until:
            raise UserError(
                f"waited {WAITING_S:.0f} s for {about}; start every process, or run alone: "
                f"{alone_command(os.environ)}"
            )
        if now - said > SAYING_S:
            said = now
            text = f"rank {place.rank} waits for {about}, for {until - now:.0f} s at most"
            print(text, file=sys.stderr, flush=True)
        time.sleep(PAUSE_S)


@contextmanager
def _lost(place: Place) -> Iterator[None]:
    """Another process that ends meanwhile says why it does."""
    try:
        yield
    except DistError as error:
        raise WorkerError(
            f"lost another process of this run at {place.address}:{place.port}, which says why it "
            f"ended"
        ) from error
