"""Activations of an agent at a site, shuffled for an SAE: ours against sae_lens's store.

The store reads the exported agent, a HookedTransformer. Both run in float32. The floor is the
arithmetic of a pass up to the site, each activation shown once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import torch

from agents.model import AgentModel
from benchmarks.language_model import runner
from benchmarks.measure import Row, matrix_flops, seconds
from benchmarks.subjects import forward_flops, fresh_agent, some_quizzes, subject
from culture_sim.features.folders import dictionary_configs
from culture_sim.presets import presets
from sae.activations.harvest import ActivationStream, kept_tokens
from sae.activations.quizzes import training_source
from sae.config import DictionaryConfig
from world import Stream, World


def options(quick: bool) -> DictionaryConfig:
    """The SAE options of the default preset, or of `smoke`."""
    return dictionary_configs(presets["smoke" if quick else "compact"]())[0]


def rows(quick: bool) -> Iterator[Row]:
    """Activations a second, drawn, harvested, shuffled and cut into batches."""
    world, size = subject(quick)
    config = options(quick)
    model = fresh_agent(world, size)
    # What one block of quizzes gives, since either way harvests more than it is asked for.
    count = config.buffer_quizzes * int(kept_tokens(world, some_quizzes(world, 1)).sum())
    count -= count % config.batch_size
    ours = count / seconds(
        lambda: _stream(model, world, replace(config, epochs_per_buffer=1), count)
    )
    quizzes = some_quizzes(world, 2 * count // world.seq_len + 1024)
    store = runner(model, quizzes, config).activations_store
    theirs = count / seconds(lambda: list(islice(iter(store), count // config.batch_size)))
    layers = int(config.site.split(".")[1]) + 1
    flops = forward_flops(model, 1, world.seq_len / 2) * layers / model.n_layers
    yield Row(
        "harvest",
        config.site,
        ours,
        "activations/s",
        "sae_lens's store on the exported agent",
        theirs,
        matrix_flops(torch.float32) / flops,
        "arithmetic up to the site",
    )


def _stream(model: AgentModel, world: World, config: DictionaryConfig, count: int) -> None:
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
    for _ in islice(stream.batches(seed=0), count // config.batch_size):
        pass
