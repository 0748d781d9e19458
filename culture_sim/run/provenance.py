"""With what the parts of a run were made: kept beside each, since a run's options may change."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from agents.precision import process_state
from culture_sim.run.config import config_to_dict
from culture_sim.run.environment import environment
from culture_sim.run.formats import formats_here, machine
from culture_sim.run.run import Run
from world.core.files import json_text


def made_on(run: Run) -> dict[str, Any]:
    """Machine, number formats and versions of this process, in JSON's types."""
    here = environment()
    return {
        "machine": machine(),
        "precision": asdict(run.formats or formats_here(run)),
        "processes": process_state().num_processes,
        **{name: here[name] for name in ("python", "platform", "versions")},
    }


def made_by(run: Run, stage: str, sections: tuple[str, ...]) -> dict[str, Any]:
    """The same with the stage, and its options: those of these sections of the configuration."""
    options = config_to_dict(run.config)
    tree = {"stage": stage, "options": {name: options[name] for name in sections}, **made_on(run)}
    return dict(json.loads(json_text(tree)))
