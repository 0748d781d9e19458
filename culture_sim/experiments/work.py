"""Units made side by side by the worker processes of this machine, and how far they are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.status import Status

from culture_sim.experiments.units import (
    Place,
    Unit,
    claimed,
    is_made,
    make,
    record_of,
    refuse_changed,
)
from culture_sim.launch.processes import default_processes
from culture_sim.launch.workers import Job, run_job
from sae.artifacts import FILES
from world.core.plugins import load_plugins, named_plugins

LOOK_S = 5.0
"""Seconds between two looks at what is made."""


def make_missing(
    folder: Path, place: Place, units: Sequence[Unit], processes: int | None, console: Console
) -> None:
    """Make those of the units that are not there yet, in worker processes, and say how far it is.

    folder: of the experiment, for logs. Raises UserError where a unit was made with other options,
    and WorkerError where one fails.
    """
    refuse_changed(place, units)
    missing = [unit for unit in units if not is_made(place, unit)]
    if not missing:
        return
    processes = min(processes or default_processes(len(missing)), len(missing))
    do = partial(make_unclaimed, place, missing, named_plugins())
    with console.status("") as status:
        progress = Progress(console, status, place, missing, processes)
        run_job(Job("units", folder, do, together=False), processes, progress.tick)
        progress.look()


def make_unclaimed(place: Place, units: Sequence[Unit], plugins: Sequence[str]) -> None:
    """What one worker does: units that nobody else makes, one after the other."""
    load_plugins(plugins)
    for unit in units:
        with claimed(place, unit) as mine:
            # Another process may have made it since.
            if mine and not is_made(place, unit):
                make(place, unit)


class Progress:
    """A line for every unit that is made; on a terminal also what is left."""

    def __init__(
        self,
        console: Console,
        status: Status,
        place: Place,
        units: Sequence[Unit],
        processes: int,
    ) -> None:
        """units: those that are to be made, by so many processes."""
        self.console, self.status, self.place, self.processes = console, status, place, processes
        self.waiting = list(units)
        self.total, self.began, self._looked = len(units), time.monotonic(), 0.0

    def tick(self) -> None:
        """Look again, if the last time is some seconds ago."""
        if time.monotonic() - self._looked >= LOOK_S:
            self.look()

    def look(self) -> None:
        """Say what was made since the last time."""
        self._looked = time.monotonic()
        for unit in list(self.waiting):
            record = record_of(self.place, unit)
            if record is None or FILES not in record:
                continue
            self.waiting.remove(unit)
            number = self.total - len(self.waiting)
            said = f"{number} of {self.total}: {unit.name}, {record['seconds']:.0f} s"
            self.console.print(said, highlight=False, soft_wrap=True)
        self.status.update(f"{len(self.waiting)} of {self.total} to make{self._left()}")

    def _left(self) -> str:
        """How long the rest takes, by what was made so far."""
        made = self.total - len(self.waiting)
        if not made:
            return ""
        seconds = (time.monotonic() - self.began) / made * len(self.waiting)
        return f", about {seconds / 60:.0f} minutes"
