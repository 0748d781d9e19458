"""One process of a group: its gradients, and its view of an evaluation.

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
from agents.replicas import ReplicaGroup, make_replicas
from agents.training import weighted_loss
from culture_sim.launch.exit import exit_now
from tests.helpers.replica_setting import BATCH, model_and_world, quizzes


def main() -> None:
    """Run ``replica_worker.py FOLDER``."""
    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    write(Path(sys.argv[1]), accelerator, make_replicas(accelerator.state, agents=1))


def write(folder: Path, accelerator: Accelerator, replicas: ReplicaGroup) -> None:
    """The gradients of one batch as RANK.safetensors, an evaluation as RANK.json."""
    model, world = model_and_world()
    batch = quizzes(world)
    tokens = torch.from_numpy(batch.tokens[:BATCH]).long()
    weights = torch.linspace(0.1, 1.0, tokens.numel()).view(tokens.shape)
    loss = weighted_loss(
        model(tokens[replicas.share]),
        tokens[replicas.share],
        weights[replicas.share],
        weights.sum() / replicas.size,
    )
    loss.backward()
    replicas.average_gradients(model.parameters())
    folder.mkdir(exist_ok=True)
    found = {name: p.grad.contiguous() for name, p in model.named_parameters()}
    save_file(found, folder / f"{replicas.rank}.safetensors")
    figures = evaluate(model, world, batch, accelerator, replicas).as_dict()
    (folder / f"{replicas.rank}.json").write_text(json.dumps(replicas.agree(figures)))


if __name__ == "__main__":
    main()
    exit_now(0)
