"""What the parts of a configuration demand of each other, found out before anything is trained.

Each part checks its own options when it is made; that an option of one part suits another, or
names something that exists, is otherwise noticed hours later by the stage that needs it.
"""

from __future__ import annotations

from agents.training import part_weights
from culture_sim.culture.votes import trial_votes
from culture_sim.features.folders import dictionary_configs
from culture_sim.run.config import RunConfig
from sae.activations.harvest import kept_tokens
from sae.activations.quizzes import held_out_quizzes, training_source
from sae.comparison.nulls import PermutingNull
from sae.dictionaries.baselines import baselines
from world import QuizBatch, QuizWorld, Stream, World, require_offer
from world.core.errors import UserError

FEW_UNITS = 1000
"""Of a task, to train on: with fewer, an agent sees each so often that it may learn it."""


def warning_of_few_units(world: World) -> str | None:
    """A line about tasks that could be learned by heart, None where there are none."""
    few = {task: int(counts[0]) for task, counts in world.units().items() if counts[0] < FEW_UNITS}
    if not few:
        return None
    counts = ", ".join(f"{task} {count:,}" for task, count in few.items())
    return (
        f"this world has few different pairs to learn from ({counts}): agents may learn them by "
        f"heart, so compare their accuracy on unseen quizzes with that on recombined pairs"
    )


def check_options(config: RunConfig) -> None:
    """Raise UserError, naming the option, for what some stage of a run could not do."""
    check_training(config)
    check_culture(config)
    check_features(config)


def check_training(config: RunConfig) -> None:
    """Raise UserError, naming the option, for what agents could not learn by."""
    part_weights(config.world, config.train.part_weighting)


def check_culture(config: RunConfig) -> None:
    """Raise UserError, naming the option, for what culture rounds could not do."""
    if not config.rounds:
        return
    require_offer(config.world, QuizWorld, "culture needs quizzes")
    config.culture.rule(trial_votes(config.agents, config.culture.voters))


def check_features(config: RunConfig) -> None:
    """Raise UserError, naming the option, for what SAEs and their comparison could not do."""
    for name in config.sae.baselines:
        if name not in baselines:
            raise UserError(f"unknown sae.baselines {name!r}; known: {', '.join(baselines)}")
    if not isinstance(config.sae.nulls[0], PermutingNull):
        raise UserError(
            f"sae.nulls begins with {config.sae.null_names[0]!r}, which permutes no rows; name "
            f"another first, such as within_cell: universality is measured against it"
        )
    dictionary_configs(config)
    _check_block(config, _sae_quizzes(config))


def _sae_quizzes(config: RunConfig) -> QuizBatch:
    """A training quiz of SAEs in every answer layout; refuses a world that has too few."""
    world, stream = config.world, Stream(config.seed, "sae")
    try:
        held_out_quizzes(world, stream.with_role("sae-held-out"), 1)
        source = training_source(world, stream.with_role("sae-train"))
        return source(0, len(world.answer_layouts))
    except UserError as error:
        raise UserError(f"world: {error}") from None


def _check_block(config: RunConfig, quizzes: QuizBatch) -> None:
    """Refuse blocks of quizzes that cannot fill one batch of activations."""
    most = config.sae.buffer_quizzes * int(kept_tokens(config.world, quizzes).sum(axis=1).max())
    if most < config.sae.batch_size:
        raise UserError(
            f"sae.buffer_quizzes ({config.sae.buffer_quizzes}) gives {most} activations, fewer "
            f"than sae.batch_size ({config.sae.batch_size}); raise it"
        )
