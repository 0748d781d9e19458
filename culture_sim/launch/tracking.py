"""TensorBoard or Weights & Biases: one tracked run for one run, however often it is resumed.

What was told lies in the run's folder, beside the tracker's own files, as the number of bytes of
metrics.jsonl that the tracker has had. So a command goes on where the last one ended or was killed,
and a tracker that is first asked for late is told everything from the beginning. An agent that goes
back to its last checkpoint learns from the same quizzes again; its curves wait until it is further
than they are.
"""

from __future__ import annotations

import secrets
import threading
from typing import Any

from accelerate.tracking import GeneralTracker, TensorBoardTracker, WandBTracker

from agents.precision import process_state
from culture_sim.run.config import config_to_dict
from culture_sim.run.run import Run
from culture_sim.run.tail import Tail
from world.core.errors import UserError, first_line
from world.core.files import naming, read_json, write_json

PROJECT = "culture-sim"
"""The project of runs at Weights & Biases."""
RECORD = "tracked.json"
"""In the tracker's folder: ``bytes`` of metrics.jsonl that it was told, and the tracked run's
``id``."""
ASIDE = ("time", "agent", "round_began")
"""Numbers of an entry that make no curve."""


class Tracking:
    """Tells a tracker every figure of a run once, each curve in the order of its quizzes.

    ``start`` it with every stage, ``follow`` often, and ``close`` at the end of the command.
    """

    def __init__(self, run: Run, wandb: bool) -> None:
        self.run, self.wandb = run, wandb
        self._record = run.path / ("wandb" if wandb else "tensorboard") / RECORD
        self._tail = Tail(run.path / "metrics.jsonl")
        self._tracker: GeneralTracker | None = None
        self._id = ""
        self._other_threads = threading.excepthook
        self._told = 0
        self._reached: dict[str, float] = {}

    def start(self) -> None:
        """Start the tracker, once; raises UserError where it cannot."""
        if self._tracker is not None:
            return
        if not self._record.exists():
            self._id = secrets.token_hex(4)
            self._save()
        record = read_json(self._record, "remove it to track from the beginning")
        self._id = str(record["id"])
        for entry in self._tail.lines(record["bytes"]):
            self._news(entry)
        process_state()  # trackers log through it
        self._tracker = _wandb(self.run, self._id) if self.wandb else _tensorboard(self.run)
        threading.excepthook = self._excepthook

    def follow(self) -> None:
        """Tell what is new in metrics.jsonl."""
        before = self._tail.offset
        for entry in self._tail.lines():
            if values := self._news(entry):
                self._log(entry, values)
        if self._tail.offset != before:
            self._save()

    def close(self) -> None:
        """Tell the rest, and end."""
        if self._tracker is not None:
            self.follow()
            try:
                with naming(self._record.parent):
                    self._tracker.finish()
            finally:
                threading.excepthook = self._other_threads

    def _excepthook(self, failed: threading.ExceptHookArgs) -> None:
        """No trace of TensorBoard's thread: what ends it is raised here at the next figure."""
        if not type(failed.thread).__module__.startswith("tensorboard."):
            self._other_threads(failed)

    def _news(self, entry: dict[str, Any]) -> dict[str, float]:
        """The figures of an entry, by curve, less those whose curve was as far already."""
        quizzes = entry.get("quizzes")
        if quizzes is None:
            return {}
        owner = f"agent{entry['agent']}/" if "agent" in entry else ""
        values = {f"{owner}{entry['stage']}/{k}": v for k, v in _numbers(entry).items()}
        news = {k: v for k, v in values.items() if quizzes > self._reached.get(k, -1)}
        self._reached.update(dict.fromkeys(news, quizzes))
        self._told += bool(news)
        return news

    def _log(self, entry: dict[str, Any], values: dict[str, float]) -> None:
        assert self._tracker is not None
        if self.wandb:
            # Agents advance side by side, and Weights & Biases drops steps that go back: its step
            # is the number of the entry, and ``_wandb`` names the axis of each agent's curves.
            axis = _axis(entry["agent"])
            self._tracker.log({**values, axis: entry["quizzes"]}, step=self._told)
        else:
            with naming(self._record.parent):  # a full disk
                self._tracker.log(values, step=entry["quizzes"], walltime=entry.get("time"))

    def _save(self) -> None:
        self._record.parent.mkdir(exist_ok=True)
        write_json(self._record, {"id": self._id, "bytes": self._tail.offset})


def tracked_name(run: Run) -> str:
    """The name of a run at Weights & Biases: its folder's, after what the world's source calls
    runs of its world, if it does."""
    return " ".join(filter(None, (run.config.world.known_as, run.path.name)))


def _tensorboard(run: Run) -> GeneralTracker:
    tracker = TensorBoardTracker(run_name="tensorboard", logging_dir=str(run.path))
    tracker.start()
    return tracker


def _wandb(run: Run, identity: str) -> GeneralTracker:
    try:
        import wandb
    except ImportError:
        raise UserError("--wandb needs the package wandb; pip install wandb") from None
    place = {"id": identity, "name": tracked_name(run), "resume": "allow", "dir": str(run.path)}
    tracker = WandBTracker(run_name=PROJECT, **place)
    try:
        tracker.start()
    except wandb.errors.Error as error:
        raise UserError(f"Weights & Biases cannot start ({first_line(error)})") from None
    tracker.store_init_configuration(config_to_dict(run.config))
    for agent in run.agents:
        tracker.tracker.define_metric(f"agent{agent}/*", step_metric=_axis(agent))
    return tracker


def _axis(agent: int) -> str:
    """The curve against which Weights & Biases draws those of an agent."""
    return f"agent{agent}/train/quizzes"


def _numbers(entry: dict[str, Any]) -> dict[str, float]:
    """The figures of an entry by name; of an examination, its accuracy."""
    flat = {}
    for key, value in entry.items():
        if key in ASIDE or isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            flat[key] = float(value)
        elif isinstance(value, dict) and "accuracy" in value:
            flat[f"{key}_accuracy"] = float(value["accuracy"])
    return flat
