"""One of several processes that make a round together; run as a script by test_processes.py.

Takes the setting as JSON, the agents' weights, and the folder of the round; finds its place
among the processes in the variables that accelerate's launcher sets.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from agents.config import ModelConfig
from agents.model import build_model
from culture_sim.culture.config import CultureConfig
from culture_sim.culture.round import open_round
from culture_sim.culture.store import CultureStore
from culture_sim.experiment import hold_round
from world.grids.world import GridsWorld


def main() -> None:
    """Run ``round_worker.py SETTING.json WEIGHTS.safetensors FOLDER``."""
    torch.set_num_threads(1)
    setting = json.loads(Path(sys.argv[1]).read_text())
    world = GridsWorld(**{**setting["world"], "tasks": tuple(setting["world"]["tasks"])})
    weights = load_file(sys.argv[2])
    agents = []
    for agent in range(5):
        model = build_model(ModelConfig(**setting["model"]), world, seed=0)
        prefix = f"{agent}/"
        own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        model.load_state_dict(own)
        agents.append(model)
    round_ = open_round(
        agents,
        world,
        CultureConfig(**setting["culture"]),
        number=1,
        seed=setting["seed"],
        checkpoints=[f"agent {i}" for i in range(5)],
        test_hashes=np.array(setting["test_hashes"], dtype=np.uint64),
        store=CultureStore(Path(sys.argv[3])),
        accelerator=Accelerator(cpu=True),
    )
    hold_round(round_)


if __name__ == "__main__":
    main()
