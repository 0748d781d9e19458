"""What effects and a crosscoder leave beside a comparison, with figures that are known."""

from __future__ import annotations

import pandas as pd

from culture_sim.features.folders import EFFECTS
from sae.crosscoder.controls import CONTROLS
from sae.files import write_parquet
from world.core.files import write_json

TASKS = ("all", "replace_color", "frame")
LAYERS = 2


def lost(agent, layer, component, task):
    """Points of accuracy lost without a layer: 10 more for each layer, 5 for an MLP, 1 a task;
    agents differ by 2 and are around it."""
    return 10 * layer + 5 * (component == "mlp") + TASKS.index(task) + 2 * (agent - 1)


def make_components(folder, agents=3):
    """The table of layers; where they are replaced by zero, 90 points are lost."""
    rows = [
        {
            "agent": agent,
            "layer": layer,
            "component": component,
            "ablation": ablation,
            "task": task,
            "quizzes": 234 if task == "all" else 20,
            "loss_change": 0.1,
            "accuracy": 0.95 + 0.02 * agent,
            "accuracy_change": -0.9
            if ablation == "zero"
            else -0.01 * lost(agent, layer, component, task),
        }
        for agent in range(agents)
        for layer in range(LAYERS)
        for component in ("attention", "mlp")
        for ablation in ("zero", "mean")
        for task in TASKS
    ]
    write_parquet(folder / "components.parquet", pd.DataFrame(rows))
    write_json(folder / EFFECTS, {})


def make_family_effects(folder):
    """What families do: without family f f points are lost; of the last one nothing is known."""
    families = pd.read_parquet(folder / "families.parquet").family.iloc[:-1]
    found = {
        "family": families,
        "accuracy_change": -0.01 * families,
        "accuracy_low": -0.01 * families - 0.005,
        "accuracy_high": -0.01 * families + 0.005,
        "q": 0.3 / (1 + families),
        "loss_change": 0.001 * families,
        "loss_low": 0.0,
        "loss_high": 0.1,
    }
    write_parquet(folder / "family_effects.parquet", pd.DataFrame(found))


def make_crosscoder(folder, controls=True):
    """Its figures; each control has 100 features judged more than the one before."""
    found = {
        control: {
            "judged": 500 + 100 * k,
            "shared": 400,
            "partial": 60 + k,
            "unique": 40 + k,
            "exclusive_within": 20 + k,
            "explained_variance": {"0": 0.80, "1": 0.90 + 0.02 * k},
        }
        for k, control in enumerate(CONTROLS if controls else ("none",))
    }
    verdicts = {"features": 900, "matching": 90, "crosscoder": 30, "both": 12}
    agreement = {"0.0": {**verdicts, "features": 1600}, "0.7": verdicts}
    write_json(folder / "crosscoder.json", {"found": found, "agreement": agreement})
