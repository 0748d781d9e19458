"""Training SAEs, harvesting included: ours against sae_lens's language-model runner.

Same agent, same kind and size of SAE, same number of activations in batches of the same size,
float32. sae_lens harvests every activation that it shows, and so does the first row; the second is
the default, which shows each harvested activation several times; in the third the SAEs that read
one agent's activations share them, as they do in a run. The floor is the arithmetic that a sparse
code leaves: an encoder's product with all features, and, forward and backward, products with the
active ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from agents.model import AgentModel
from benchmarks.harvest import options
from benchmarks.language_model import runner
from benchmarks.measure import Row, matrix_flops, seconds
from benchmarks.subjects import fresh_agent, some_quizzes, subject
from sae.activations.harvest import ActivationStream
from sae.activations.quizzes import training_source
from sae.config import DictionaryConfig
from sae.dictionaries.training import sae_training, train_in_turn
from world import Stream, World


def rows(quick: bool) -> Iterator[Row]:
    """Activations a second of training."""
    world, size = subject(quick)
    config = options(quick)
    count, model = config.training_tokens, fresh_agent(world, size)
    theirs = runner(model, some_quizzes(world, 2 * count // world.seq_len + 1024), config)
    baseline = count / seconds(theirs.run, 1)
    flops = 2 * model.d_model * (config.d_sae + 4 * config.k)
    for epochs, together in ((1, 1), (config.epochs_per_buffer, 1), (config.epochs_per_buffer, 3)):
        shown = replace(config, epochs_per_buffer=epochs)
        spent = seconds(partial(_train, model, world, shown, together), 1)
        of = f", {together} SAEs of an agent together" if together > 1 else ""
        yield Row(
            "SAE training",
            f"{model.d_model} -> {config.d_sae}, k {config.k:g}, activations shown {epochs}x{of}",
            together * count / spent,
            "activations/s",
            "sae_lens's language-model runner",
            baseline,
            matrix_flops(torch.float32) / flops,
            f"{flops / 1e3:.0f} kFLOP an activation",
        )


def _train(model: AgentModel, world: World, config: DictionaryConfig, together: int) -> None:
    source = training_source(world, Stream(0, "benchmark"))
    stream = ActivationStream(
        model,
        world,
        source,
        config.site,
        config.buffer_quizzes,
        config.epochs_per_buffer,
        config.batch_size,
    )
    train_in_turn(
        [
            sae_training(stream.batches(seed), config, seed, model_name="benchmark")
            for seed in range(together)
        ]
    )
