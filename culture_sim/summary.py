"""The headline figures of a run, stage by stage: what summary.json and the report tell."""

from __future__ import annotations

from typing import Any

from culture_sim.culture.alarms import Limits, alarms
from culture_sim.culture.figures import read_summary
from culture_sim.culture.store import CultureStore
from culture_sim.features.folders import read_comparisons
from culture_sim.run.progress import BESIDE, target_reached
from culture_sim.run.run import Run


def training_summary(run: Run) -> list[dict[str, Any]]:
    """By agent: accuracy on the world test set when training last ended, and what it took."""
    states = [(agent, run.agent_state(agent) or {}) for agent in run.agents]
    return [
        {
            "agent": agent,
            "reached": target_reached(run, agent),
            "round": state.get("round"),
            "quizzes": state.get("quizzes"),
            "seconds": round(state.get("seconds", 0.0), 1),
            "test": state.get("test"),
            "tests": state.get("tests", 0),
            "final_test": state.get("final_test"),
        }
        for agent, state in states
    ]


def culture_summary(run: Run) -> dict[str, Any]:
    """By round: what was kept and why it ended; by agent: what was measured in every round; and
    what ought to be looked at."""
    store = CultureStore(run.path / "culture")
    rounds = [read_summary(store, number) for number in store.rounds()]
    agents = [
        {
            **figures,
            **{key: state.get(key) for key in BESIDE},
            "course": state.get("course", []),
        }
        for figures in training_summary(run)
        for state in [run.agent_state(figures["agent"]) or {}]
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
