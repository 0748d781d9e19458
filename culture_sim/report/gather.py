"""What the report shows, read from a run's files; nothing is computed that a stage has stored."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from markupsafe import Markup

from agents.scoring import answers
from culture_sim.config import config_to_dict
from culture_sim.report.charts import line_colour
from culture_sim.run import Run
from culture_sim.store import CultureStore
from world import QuizBatch, concatenate

SHOWN_KEPT = 60
SHOWN_REJECTED = 4
SHOWN_FAMILIES = 12
SHOWN_QUIZZES = 3
Tree = dict[str, Any]


def gather(run: Run) -> Tree:
    """The template's variables."""
    saved = json.loads((run.path / "config.json").read_text())
    summary = run.summary()
    states = [run.agent_state(agent) for agent in run.agents]
    return {
        "name": run.path.name,
        "preset": run.preset,
        "options": json.dumps(config_to_dict(run.config), indent=1),
        "environment": saved["environment"],
        "seconds": summary.get("seconds", {}),
        "target": run.config.train.target,
        "curves": _curves(run),
        "agents": [_agent(number, state) for number, state in enumerate(states) if state],
        "tasks": run.config.world.tasks,
        "structures": [
            run.config.world.structures[s].name for s in run.config.world.answer_structures
        ],
        "colours": [line_colour(agent) for agent in run.agents],
        "culture": _culture(run, summary.get("culture")),
        "features": _features(run),
    }


def _curves(run: Run) -> dict[int, list[tuple[int, float]]]:
    path = run.path / "metrics.jsonl"
    curves: dict[int, dict[int, float]] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        entry = json.loads(line)
        if entry.get("event") == "epoch":
            point = curves.setdefault(entry["agent"], {})
            point[entry["quizzes"]] = entry["gate"]["accuracy"]
    return {agent: sorted(points.items()) for agent, points in curves.items()}


def _agent(number: int, state: Tree) -> Tree:
    return {
        "number": number,
        "quizzes": state["quizzes"],
        "seconds": state["seconds"],
        "round": state["round"],
        "reached": state["reached"],
        "test": state.get("test"),
        "before": (state.get("culture_before") or {}).get("accuracy"),
        "after": (state.get("culture_after") or {}).get("accuracy"),
        "asked": (state.get("culture_after") or {}).get("total"),
    }


def _culture(run: Run, summary: Tree | None) -> Tree | None:
    store = CultureStore(run.path / "culture")
    if not store.rounds() or summary is None:
        return None
    return {
        "rounds": summary["rounds"],
        "kept": _kept(run, store),
        "rejected": _rejected(run, store),
    }


def _kept(run: Run, store: CultureStore) -> list[Tree]:
    """Cards of kept quizzes of the last round, with what the dissenter answers instead."""
    number = store.rounds()[-1]
    votes, decision = store.votes(number), store.decision(number)
    rows = np.flatnonzero(decision.keep)[:SHOWN_KEPT]
    if not len(rows):
        return []
    batch = _quizzes(store, number, rows)
    pictures = [Markup(run.config.world.svg(batch, k)) for k in range(len(rows))]
    cards = [
        {
            "svg": picture,
            "proposer": int(votes.proposer[row]),
            "dissenter": int(decision.dissenter[row]),
            "votes": votes.correct[row].tolist(),
            "mistake": None,
        }
        for picture, row in zip(pictures, rows, strict=True)
    ]
    for dissenter in run.agents:
        mine = np.flatnonzero(decision.dissenter[rows] == dissenter)
        if len(mine):
            for k, picture in zip(mine, _mistakes(run, dissenter, batch[mine]), strict=True):
                cards[k]["mistake"] = picture
    return cards


def _mistakes(run: Run, agent: int, batch: QuizBatch) -> list[Tree | None]:
    """The agent's own answer in the direction it fails today; None where it has since learned."""
    model, world = run.load_agent(agent), run.config.world
    asked = concatenate([world.arrange(batch, 0), world.arrange(batch, 1)])
    with torch.no_grad():
        given = answers(model, world, asked)
    wrong = given != asked.tokens
    pictures: list[Tree | None] = []
    for k in range(len(batch)):
        failing = [row for row in (k, k + len(batch)) if wrong[row].any()]
        if not failing:
            pictures.append(None)
            continue
        row = failing[0]
        shown = QuizBatch(given[row : row + 1], asked.structure[row : row + 1], asked.task[:1])
        picture = Markup(world.svg(shown, 0, wrong=wrong[row]))
        pictures.append({"svg": picture, "cells": int(wrong[row].sum())})
    return pictures


def _quizzes(store: CultureStore, number: int, rows: np.ndarray[Any, Any]) -> QuizBatch:
    table = store.table(number).take(rows.tolist())
    tokens = np.array(table.column("tokens").to_pylist(), dtype=np.uint8)
    count = len(tokens)
    return QuizBatch(tokens, np.zeros(count, np.uint8), np.full(count, -1, np.int16))


def _rejected(run: Run, store: CultureStore) -> list[Tree]:
    """A few quizzes of each kind that was not kept."""
    number = store.rounds()[-1]
    decision = store.decision(number)
    reasons = np.array(decision.reason)
    groups = []
    for reason in sorted(set(reasons[~decision.keep])):
        rows = np.flatnonzero(reasons == reason)[:SHOWN_REJECTED]
        batch = _quizzes(store, number, rows)
        cards = [Markup(run.config.world.svg(batch, k)) for k in range(len(rows))]
        groups.append({"reason": reason, "count": int((reasons == reason).sum()), "cards": cards})
    return groups


def _features(run: Run) -> Tree | None:
    folder = run.path / "features" / run.config.sae.site
    if not (folder / "summary.json").exists():
        return None
    summary = json.loads((folder / "summary.json").read_text())
    examples = json.loads((folder / "examples.json").read_text())
    chosen = [family for family in examples if family["k"] > 1][:SHOWN_FAMILIES]
    r = [v for row in summary["matrices"]["r"] for v in row if v is not None]
    return {
        **summary,
        "low": 0.0,
        "high": max(r, default=1.0),
        "examples": [_family(run, family) for family in chosen],
    }


def _family(run: Run, family: Tree) -> Tree:
    """A family's quizzes, once for each agent, with the agent's activation on the cells."""
    world = run.config.world
    quizzes = []
    for quiz in family["quizzes"][:SHOWN_QUIZZES]:
        tokens = np.array([quiz["tokens"]], dtype=np.uint8)
        batch = QuizBatch(tokens, np.array([quiz["structure"]], np.uint8), np.array([-1], np.int16))
        pictures = {
            int(agent): Markup(world.svg(batch, 0, overlay=np.array(values, dtype=np.float32)))
            for agent, values in quiz["activations"].items()
        }
        quizzes.append({"task": quiz["task"], "pictures": pictures})
    return {**family, "quizzes": quizzes}
