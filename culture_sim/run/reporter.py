"""What a stage says of itself while it works, for the monitor and for who reads metrics.jsonl."""

from __future__ import annotations

import time

from culture_sim.run.run import Run

NOTE_EVERY_S = 2.0


class StageReporter:
    """Says how far a stage is, in one line, not more often than anyone would read."""

    def __init__(self, run: Run, stage: str, speaks: bool) -> None:
        self.run, self.stage, self.speaks = run, stage, speaks
        self._last = float("-inf")

    def report(self, note: str, done: bool = False) -> None:
        """Log the note, unless another was logged a moment ago."""
        if self.speaks and (done or time.monotonic() - self._last > NOTE_EVERY_S):
            self._last = time.monotonic()
            self.run.log(self.stage, note=note, done=done)
