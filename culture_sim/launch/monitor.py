"""What a person sees while a stage works: a live table on a terminal, plain lines elsewhere.

The launcher follows metrics.jsonl, which every worker appends to, so the display, the tracker
and the file cannot disagree, and workers spend no time on any of it.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from culture_sim.launch.progress import PLAIN_EVERY_S
from culture_sim.launch.tracking import Tracking
from culture_sim.run.alarms import DIVERGENCE, STAGE
from culture_sim.run.run import Run
from culture_sim.run.tail import Tail


class Monitor:
    """Follows a run's metrics; use it as a context manager and call ``tick`` often."""

    def __init__(self, run: Run, console: Console, tracking: Tracking | None = None) -> None:
        self.run = run
        self.console = console
        self.tracking = tracking
        self.agents: dict[int, dict[str, Any]] = {}
        self.notes: dict[str, str] = {}
        metrics = run.path / "metrics.jsonl"
        self._file = Tail(metrics, metrics.stat().st_size if metrics.exists() else 0)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._began = time.monotonic()
        self._plain_at = float("-inf")

    def __enter__(self) -> Monitor:
        if self.tracking is not None:
            self.tracking.start()
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, OSError):  # it may be that nobody reads what is said
            self.tick()
        if self.console.is_terminal:
            self._live.stop()
            if self.agents and kind is None:
                self.console.print(self._table())

    def tick(self) -> None:
        """Read what is new and show it."""
        news = self._file.lines()
        for entry in news:
            self._take(entry)
        if self.tracking is not None:
            self.tracking.follow()
        if self.console.is_terminal:
            self._live.update(self._table(), refresh=True)

    def _take(self, entry: dict[str, Any]) -> None:
        if entry["stage"] == "train":
            self._take_training(entry)
        elif entry["stage"] == STAGE:
            if entry["kind"] != DIVERGENCE:  # which is the command's last line
                self.console.print(f"alarm: {entry['text']}", highlight=False, soft_wrap=True)
        elif "note" in entry:
            self.notes[entry["stage"]] = entry["note"]
            self._say(f"{entry['stage']}: {entry['note']}", force=bool(entry.get("done")))

    def _take_training(self, entry: dict[str, Any]) -> None:
        agent = self.agents.setdefault(entry["agent"], {"points": []})
        agent["points"] = [*agent["points"][-8:], (entry["time"], entry["quizzes"])]
        agent.update({k: entry[k] for k in ("quizzes", "round", "round_began") if k in entry})
        agent["loss"] = entry.get("loss", agent.get("loss"))
        if entry["event"] == "epoch":
            agent.update(validation=entry["validation"]["accuracy"], reached=entry["reached"])
            agent["test"] = (entry.get("test") or {}).get("accuracy")
            self._say(self._line(entry["agent"]), force=True)

    def _line(self, number: int) -> str:
        agent = self.agents[number]
        state = self._state(agent)
        test = "" if agent["test"] is None else f", test {agent['test']:.1%}"
        learned = f"{agent['quizzes']:,} quizzes, validation {agent['validation']:.1%}"
        return f"agent {number}: {learned}{test}, {state}"

    def _state(self, agent: dict[str, Any]) -> str:
        if not agent["reached"]:
            return "training"
        return "at target" if self.run.config.train.target else "done, no target asked"

    def _say(self, text: str, force: bool) -> None:
        """A line where there is no terminal; not more often than anyone would read."""
        now = time.monotonic()
        if self.console.is_terminal or not (force or now - self._plain_at > PLAIN_EVERY_S):
            return
        self._plain_at = now
        self.console.print(text, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(title=self._title(), title_justify="left", box=None, pad_edge=False)
        for column in (
            "agent",
            "round",
            "quizzes",
            "quizzes/s",
            "loss",
            "validation",
            "test",
            "time left",
        ):
            table.add_column(column, justify="right")
        for number, agent in sorted(self.agents.items()):
            table.add_row(
                str(number),
                str(agent["round"]),
                f"{agent['quizzes']:,}",
                f"{_rate(agent['points']):.0f}",
                "" if agent["loss"] is None else f"{agent['loss']:.3f}",
                _percent(agent.get("validation")),
                _percent(agent.get("test")),
                self._state(agent) if agent.get("reached") else self._time_left(agent),
            )
        return table

    def _title(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        notes = " · ".join(f"{stage}: {note}" for stage, note in self.notes.items())
        return f"run {self.run.path.name} · {minutes}:{seconds:02d}" + (
            f" · {notes}" if notes else ""
        )

    def _time_left(self, agent: dict[str, Any]) -> str:
        """An upper bound: to the end of the agent's budget at its present rate."""
        rate = _rate(agent["points"])
        spent = agent["quizzes"] - agent["round_began"]
        left = self.run.config.train.max_quizzes - spent
        return f"< {left / rate / 60:.0f} min" if rate > 0 and left > 0 else ""


def _rate(points: list[tuple[float, int]]) -> float:
    """Quizzes a second over the last few reports."""
    (t0, q0), (t1, q1) = points[0], points[-1]
    return max(0.0, (q1 - q0) / (t1 - t0)) if t1 > t0 else 0.0


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
