"""A run on disk: where each stage writes, what it may change, and what was measured.

Stages find what earlier ones left here and nowhere else, so a run can be moved, resumed and
looked at with nothing but its folder.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from agents.checkpoint import STATE, read_model, read_state
from agents.model import AgentModel, build_model
from agents.precision import Formats
from culture_sim.run.config import (
    VERSION,
    RunConfig,
    config_from_dict,
    config_to_dict,
    refuse_other_version,
)
from culture_sim.run.environment import environment
from culture_sim.run.state import AgentState
from world.core.errors import UserError
from world.core.files import JsonObject, json_text, naming, read_json, write_json
from world.core.plugins import load_plugins, named_plugins

SUMMARY = "summary.json"
"""The headline figures, by stage."""
FIXED = (
    *("seed", "agents", "world", "model", "train.optimizer", "train.batch_size"),
    *("train.epoch_quizzes", "train.test_quizzes", "train.validation_quizzes"),
    "train.recombined_quizzes",
)
"""Options that agents already trained were built from or examined by: they cannot change within a
run, in which culture is kept apart from the quizzes of examinations."""


@dataclass(frozen=True)
class Run:
    """A run's folder and its configuration.

    formats: number formats that the processes of a stage agreed on; None outside of stages.
    """

    path: Path
    config: RunConfig
    preset: str
    formats: Formats | None = None

    @classmethod
    def open(cls, path: Path) -> Run:
        """The run saved at ``path``; raises UserError when there is none."""
        if not (path / "config.json").exists():
            raise UserError(
                f"there is no run at {path}; start one with: "
                f"culture-sim train-agents --run {path.name}"
            )
        saved = read_json(path / "config.json", "restore or remove it")
        options, preset = saved["config"], saved["preset"]
        refuse_other_version(path / "config.json", saved)
        load_plugins(saved.get("plugins", ()))
        return cls(path, config_from_dict(options), preset)

    @classmethod
    def start(cls, path: Path, config: RunConfig, preset: str) -> Run:
        """Create the run, or continue it with options that its agents can bear.

        Call it while holding the run's lock: workers read the options that this writes.
        """
        run = cls(path, config, preset)
        made_on = environment()
        if (path / "config.json").exists():
            run._refuse_other_agents(cls.open(path))
            # A run looked at on another machine was not made there.
            made_on = read_json(path / "config.json", "restore it").get("environment", made_on)
        saved = {
            "version": VERSION,
            "preset": preset,
            "plugins": named_plugins(),
            "config": config_to_dict(config),
            "environment": made_on,
        }
        write_json(path / "config.json", saved)
        return run

    def _refuse_other_agents(self, earlier: Run) -> None:
        if not any((earlier.path / "agents").glob("*/state.json")):
            return
        now, before = config_to_dict(self.config), config_to_dict(earlier.config)
        for key in FIXED:
            if _option(now, key) != _option(before, key):
                raise UserError(
                    f"the agents of {self.path} were trained with another {key!r}; "
                    f"give the new options a run of their own with --run NAME"
                )

    def agent_path(self, agent: int) -> Path:
        """The checkpoint of one agent."""
        return self.path / "agents" / str(agent)

    @property
    def agents(self) -> range:
        """Agent numbers, 0 .. N - 1."""
        return range(self.config.agents)

    def agent_state(self, agent: int) -> AgentState | None:
        """Where an agent is in its training, None before its first checkpoint.

        Raises UserError for a checkpoint that is damaged, or whose state has other keys.
        """
        tree = read_state(self.agent_path(agent))
        try:
            return None if tree is None else AgentState.from_json(tree)
        except TypeError:
            raise UserError(
                f"{self.agent_path(agent) / STATE} was not written by this version of culture-sim; "
                f"restore it, or remove its folder to train the agent again"
            ) from None

    def checksums(self) -> list[str]:
        """The checksum of every agent's weights as they are now, "" before its first checkpoint.

        Raises UserError for a checkpoint that is damaged.
        """
        states = (self.agent_state(agent) for agent in self.agents)
        return [state.sha256 if state else "" for state in states]

    def load_agent(self, agent: int) -> AgentModel:
        """The agent's evaluated weights, on the CPU, in evaluation mode.

        Raises UserError for an agent without a checkpoint, and for one that diverged.
        """
        if self.agent_state(agent) is None:
            raise UserError(
                f"agent {agent} of {self.path} is not trained yet; run first: "
                f"culture-sim train-agents --run {self.path.name}"
            )
        model = build_model(self.config.model, self.config.world, seed=0)
        model.load_state_dict(read_model(self.agent_path(agent)))
        if not all(bool(weight.isfinite().all()) for weight in model.parameters()):
            raise UserError(
                f"agent {agent} of {self.path} diverged while it was trained: its weights are no "
                f"finite numbers; remove {self.agent_path(agent)} to train it again, with a lower "
                f"--train.learning-rate"
            )
        return model.eval().requires_grad_(False)

    def log(self, stage: str, **figures: Any) -> None:
        """Append one line to metrics.jsonl."""
        line = json_text({"time": round(time.time(), 3), "stage": stage, **figures})
        path = self.path / "metrics.jsonl"
        with naming(path), FileLock(self.path / ".metrics.lock"), path.open("ab+") as file:
            if file.tell():
                # What a killed process left of a line must not swallow this one.
                file.seek(-1, os.SEEK_END)
                line = line if file.read() == b"\n" else f"\n{line}"
            file.write(line.encode() + b"\n")

    @staticmethod
    @contextmanager
    def lock(path: Path) -> Iterator[None]:
        """Keep other commands off the run at ``path``; raises UserError when one is at work on it.

        Processes that accelerate launched together are one command: the leading one holds it.
        """
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / ".run.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(
                f"another command is at work on {path}; wait for it, or choose another --run"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def summary(self) -> JsonObject:
        """The headline figures gathered so far; raises UserError when they are damaged."""
        path = self.path / SUMMARY
        remedy = "commands that bring the run further make it again"
        return read_json(path, remedy) if path.exists() else JsonObject.read_from({}, path, remedy)

    def add_summary(self, stage: str, figures: Any) -> None:
        """Replace one stage's headline figures."""
        with FileLock(self.path / ".summary.lock"):
            write_json(self.path / SUMMARY, {**self.summary(), stage: figures})


def _option(tree: dict[str, Any], key: str) -> Any:
    """The value under a dotted key."""
    for part in key.split("."):
        tree = tree[part]
    return tree


def parse_line(line: str | bytes) -> dict[str, Any] | None:
    """An entry of metrics.jsonl; None for what a killed process, or damage, left of a line."""
    try:
        entry = dict(json.loads(line))
    except (ValueError, TypeError):
        return None
    counts = all(isinstance(entry.get(name, 0), int) for name in ("agent", "round", "quizzes"))
    return entry if counts and isinstance(entry.get("stage"), str) else None
