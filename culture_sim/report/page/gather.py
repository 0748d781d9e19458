"""What the report shows, read from a run's files; nothing is computed that a stage has stored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
from markupsafe import Markup

from culture_sim.culture.analysis.diversity import near_tokens
from culture_sim.culture.analysis.table import counts_of
from culture_sim.culture.records import quizzes_of
from culture_sim.culture.rules import Rule
from culture_sim.culture.store import CultureStore
from culture_sim.features.folders import read_comparisons
from culture_sim.report.explorer.data import explorer
from culture_sim.report.gallery.data import gallery, kept_table, read_analysis
from culture_sim.report.page.charts import Point, line_colour, round_starts
from culture_sim.report.page.circuits import circuits
from culture_sim.report.page.drift import drift
from culture_sim.report.page.joint import joint
from culture_sim.report.page.layers import layers
from culture_sim.report.page.made import parts_made
from culture_sim.report.shared.blobs import embed
from culture_sim.report.summary import EXAMS, culture_summary
from culture_sim.run.alarms import training_alarms
from culture_sim.run.config import config_to_dict
from culture_sim.run.lookup import read_lookup
from culture_sim.run.progress import target_reached
from culture_sim.run.run import Run, parse_line
from culture_sim.run.state import AgentState
from world import FlippedWorld, QuizWorld, World
from world.core.files import json_text, read_json
from world.core.options import from_tree
from world.core.view import INK, MARKS

SHOWN_REJECTED = 4
Tree = dict[str, Any]


def gather(run: Run) -> Tree:
    """The template's variables."""
    saved = read_json(run.path / "config.json", "restore or remove it")
    summary = run.summary()
    curves = _curves(run, "validation")
    culture, (features, left_out) = _culture(run), _features(run)
    agents = [
        {**_agent(state), "reached": target_reached(run, agent)}
        for agent in run.agents
        if (state := run.agent_state(agent))
    ]
    return {
        "name": run.path.name,
        "preset": run.preset,
        "options": json_text(config_to_dict(run.config), indent=1),
        "environment": saved["environment"],
        "seconds": summary.get("seconds", {}),
        "target": run.config.train.target,
        "curves": curves,
        "recombined": _curves(run, "recombined"),
        "round_starts": round_starts(curves),
        "validation_quizzes": run.config.train.validation_quizzes,
        "agents": agents,
        "lookup": read_lookup(run),
        "groups": _groups(run.config.world, [each["test"] for each in agents if each["test"]]),
        "words": _words(run.config.world),
        "colours": [line_colour(agent) for agent in run.agents],
        "culture": culture,
        "rule": _rule(run, culture["rounds"] if culture else []),
        "alarms": training_alarms(run),
        "made": parts_made(
            run,
            culture["rounds"] if culture else [],
            features["comparisons"] if features else [],
        ),
        "features": features,
        "left_out": left_out,
        "circuits": circuits(run),
        "flips": isinstance(run.config.world, FlippedWorld),
        "drawing": _drawing(run, culture, features),
    }


def _rule(run: Run, rounds: Sequence[Tree]) -> str:
    """When a quiz is kept, in words: the rounds may have had other rules than the run has now."""
    by_text: dict[str, list[str]] = {}
    for figures in rounds:
        rule: Rule = from_tree(Rule, figures["culture"]["rule"], "culture.rule")
        by_text.setdefault(rule.describe(run.config.agents), []).append(str(figures["round"]))
    if not by_text:
        return run.config.culture.rule.describe(run.config.agents)
    if len(by_text) == 1:
        return next(iter(by_text))
    said = (f"in round {', '.join(numbers)}, {text}" for text, numbers in by_text.items())
    return "; ".join(said)


def _groups(world: World, tests: Sequence[Tree]) -> dict[str, list[str]]:
    """Names of the groups that quizzes of these tests are of; of layouts, those that are graded."""
    groups = {kind: list(names) for kind, names in world.groups.items()}
    groups["layout"] = [world.layouts[s].name for s in world.answer_layouts]
    told: dict[str, set[str]] = {kind: set() for kind in groups}
    for test in tests:
        for kind, by_name in test["accuracy_by"].items():
            told.get(kind, set()).update(n for n, value in by_name.items() if value is not None)
    kept = {kind: [name for name in names if name in told[kind]] for kind, names in groups.items()}
    return {kind: names for kind, names in kept.items() if names}


def _words(world: World) -> Tree:
    """What the page calls things in this world.

    unit: a token. piece: what is asked for. directions: in how many agents vote. near: tokens in
    which near-duplicates may differ. examples: whether a quiz shows its rule by an example.
    """
    words = {
        "unit": world.wording.unit,
        "piece": world.view.piece,
        "directions": 1,
        "near": None,
        "examples": isinstance(world, QuizWorld) and world.example_parts > 0,
    }
    if isinstance(world, QuizWorld):
        words |= {"directions": len(world.directions), "near": near_tokens(world)}
    return words


def _drawing(run: Run, culture: Tree | None, features: Tree | None) -> Markup | None:
    """How quizzes are drawn, for the page's scripts; None where nothing needs them."""
    browsed = (culture and culture["gallery"]["data"]) or (features and features["explorer"])
    world = run.config.world
    example = world.example_parts if isinstance(world, QuizWorld) else 0
    drawing = {
        **asdict(world.view),
        "unit": world.wording.unit,
        "example": example,
        "marks": MARKS,
        "inks": INK["written" if any(world.view.glyphs) else "plain"],
    }
    return embed(drawing) if browsed else None


def _curves(run: Run, what: str) -> dict[int, list[Point]]:
    """By agent, its accuracies after each epoch in order; one that was made again counts once.

    what: "validation" or "recombined".
    """
    path = run.path / "metrics.jsonl"
    curves: dict[int, dict[int, Point]] = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        entry = parse_line(line)
        if entry is not None and entry.get("event") == "epoch" and entry.get(what):
            with suppress(KeyError, TypeError):  # a damaged line may have lost a key
                point = Point(entry["quizzes"], entry[what]["accuracy"], entry["round"])
                curves.setdefault(entry["agent"], {})[point.quizzes] = point
    return {agent: sorted(points.values()) for agent, points in curves.items()}


def _agent(state: AgentState) -> Tree:
    tree = state.told()
    first = next((entry for entry in state.course if entry["round"] == 0), {})
    if state.round == 0:
        first = tree
    return {
        "number": state.agent,
        **{key: tree[key] for key in ("quizzes", "seconds", "round", "imported")},
        **{key: tree[key] for key in EXAMS},
        # The final test where there is one: training goes on until the other is passed.
        "last": tree["final_test"] or tree["test"],
        # Agents may write anything for each other, so this is of before.
        "never_shown": first.get("new_objects"),
        "before": tree["culture_before"],
        "after": tree["culture_after"],
    }


def _culture(run: Run) -> Tree | None:
    store = CultureStore(run.path / "culture")
    if not store.rounds():
        return None
    summary = culture_summary(run)
    kept = kept_table(store)
    analysis = read_analysis(
        store.folder, kept["hash"].to_pylist(), counts_of(run.config.quiz_world)
    )
    return {
        "rounds": summary["rounds"],
        "alarms": summary["alarms"],
        "drift": drift(store, summary, analysis, run.config.world.wording.unit),
        "gallery": gallery(run, store, kept, analysis),
        "rejected": _rejected(run, store),
    }


def _rejected(run: Run, store: CultureStore) -> list[Tree]:
    """A few quizzes of each kind that was not kept."""
    number = store.rounds()[-1]
    decision = store.decision(number)
    reasons = np.array(decision.reason)
    groups = []
    for reason in sorted(set(reasons[~decision.keep])):
        rows = np.flatnonzero(reasons == reason)[:SHOWN_REJECTED]
        batch = quizzes_of(store.table(number).take(rows.tolist()))
        cards = [Markup(run.config.world.svg(batch, k)) for k in range(len(rows))]
        groups.append({"reason": reason, "count": int((reasons == reason).sum()), "cards": cards})
    return groups


def _features(run: Run) -> tuple[Tree | None, list[str]]:
    """The first comparison in full, and the figures of all; a line for each that is left out."""
    found, left_out = read_comparisons(run)
    if not found:
        return None, left_out
    folder, summary = next(iter(found.items()))
    r = [v for row in summary["matrices"]["r"] for v in row if v is not None]
    shown = {
        **summary,
        "comparisons": list(found.values()),
        "shared": shared_by(summary["families"]),
        "low": 0.0,
        "high": max(r, default=1.0),
        "layers": layers(folder, run.path.name),
        "joint": joint(folder, run.path.name),
        "explorer": explorer(run, found),
    }
    return shown, left_out


def shared_by(families: Tree) -> list[Tree]:
    """By k, from all agents down: families, the features in them, and those above higher r."""
    features = {k: count * int(k) for k, count in families["shared"].items()}
    return [
        {
            "k": int(k),
            "families": families["shared"][k] if int(k) > 1 else None,
            "features": features[k],
            "share": features[k] / max(sum(features.values()), 1),
            "above": {r: counts[k] for r, counts in families.get("shared_above", {}).items()},
        }
        for k in sorted(features, key=int, reverse=True)
    ]
