"""One of a crew's processes: its gradients, and its view of an evaluation; run by test_replicas.py.

Takes the folder to write to; finds its place in the variables that accelerate's launcher sets.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors.torch import save_file

from agents.evaluation import evaluate
from agents.replicas import Crew, make_crew
from agents.training import weighted_loss
from culture_sim.launch.exit import leave
from tests.helpers.replica_setting import BATCH, model_and_world, quizzes


def main() -> None:
    """Run ``replica_worker.py FOLDER``."""
    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    write(Path(sys.argv[1]), accelerator, make_crew(accelerator.state, agents=1))


def write(folder: Path, accelerator: Accelerator, crew: Crew) -> None:
    """The gradients of one batch as RANK.safetensors, an evaluation as RANK.json."""
    model, world = model_and_world()
    batch = quizzes(world)
    tokens = torch.from_numpy(batch.tokens[:BATCH]).long()
    weights = torch.linspace(0.1, 1.0, tokens.numel()).view(tokens.shape)
    loss = weighted_loss(
        model(tokens[crew.share]),
        tokens[crew.share],
        weights[crew.share],
        weights.sum() / crew.size,
    )
    loss.backward()
    crew.average_gradients(model.parameters())
    folder.mkdir(exist_ok=True)
    found = {name: p.grad.contiguous() for name, p in model.named_parameters()}
    save_file(found, folder / f"{crew.rank}.safetensors")
    figures = evaluate(model, world, batch, accelerator, crew).as_dict()
    (folder / f"{crew.rank}.json").write_text(json.dumps(crew.agree(figures)))


if __name__ == "__main__":
    main()
    leave(0)
