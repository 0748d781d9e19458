"""The headline figures of a run, stage by stage: what summary.json and the report tell."""

from __future__ import annotations

from typing import Any

from culture_sim.culture.alarms import Limits, alarms
from culture_sim.culture.figures import read_summary
from culture_sim.culture.store import CultureStore
from culture_sim.features.folders import read_comparisons
from culture_sim.run.alarms import training_alarms
from culture_sim.run.progress import target_reached
from culture_sim.run.run import Run
from culture_sim.run.state import BESIDE, BEYOND

EXAMS = ("test", "tests", "final_test", "recombined", *BEYOND)
"""What is told of an agent's training."""


def summary_again(run: Run) -> dict[str, Any]:
    """All of summary.json that can be read off the run: what is missing is how long stages took."""
    trained = all(run.agent_state(agent) is not None for agent in run.agents)
    found = {
        "training": training_summary(run) if trained else None,
        "culture": culture_summary(run) if CultureStore(run.path / "culture").rounds() else None,
        "features": features_summary(run),
        "alarms": training_alarms(run),
    }
    return {stage: figures for stage, figures in found.items() if figures}


def training_summary(run: Run) -> list[dict[str, Any]]:
    """By agent: accuracy on the world test set when training on the world alone ended, and what it
    took."""
    return [_before_culture(state) or _training(run, state) for state in _states(run)]


def _before_culture(state: dict[str, Any]) -> dict[str, Any] | None:
    """The same of an agent that has learned from culture since, as far as its course tells; None of
    another."""
    first = next((entry for entry in state["course"] if entry["round"] == 0), None)
    if state["round"] == 0 or first is None:
        return None
    keys = ("reached", "round", "quizzes", "seconds", *EXAMS)
    return {"agent": state["agent"], **{key: first.get(key) for key in keys}}


def _states(run: Run) -> list[dict[str, Any]]:
    """The states of the agents that there are, as they are told."""
    states = (run.agent_state(agent) for agent in run.agents)
    return [state.told() for state in states if state is not None]


def _training(run: Run, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "agent": state["agent"],
        "reached": target_reached(run, state["agent"]),
        **{key: state[key] for key in ("round", "quizzes")},
        "seconds": None if state["seconds"] is None else round(state["seconds"], 1),
        **{key: state[key] for key in EXAMS},
    }


def culture_summary(run: Run) -> dict[str, Any]:
    """By round: what was kept and why it ended; by agent: what was measured in every round; and
    what ought to be looked at."""
    store = CultureStore(run.path / "culture")
    rounds = [read_summary(store, number) for number in store.rounds()]
    agents = [
        {**_training(run, state), **{key: state[key] for key in (*BESIDE, "course")}}
        for state in _states(run)
    ]
    config = run.config
    limits = Limits(config.agents, config.train.target, config.culture.least_yield)
    return {"rounds": rounds, "agents": agents, "alarms": alarms(rounds, agents, limits)}


def features_summary(run: Run) -> dict[str, Any]:
    """The summary of every comparison of this version, by site and dictionary; those that the run's
    options ask for are the first."""
    summaries, _ = read_comparisons(run)
    features = run.path / "features"
    return {str(folder.relative_to(features)): summary for folder, summary in summaries.items()}
