"""The stage "sae": SAEs on every agent of a run, and the comparison of their features."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

from accelerate import Accelerator
from filelock import FileLock, Timeout

from agents.model import AgentModel
from culture_sim.culture.store import CultureStore
from culture_sim.features.folders import features_path, sae_configs
from culture_sim.run.reporter import Notes
from culture_sim.run.run import Run
from sae.activations.quizzes import QuizSource, held_out_quizzes, is_held_out, training_source
from sae.comparison.stage import compare_agents
from sae.config import SAEConfig
from sae.dictionaries.artifacts import Place, roles, sae_done, train_one
from sae.dictionaries.training import Progress
from world import QuizBatch, Stream, concatenate


def sae_places(run: Run, config: SAEConfig) -> list[Place]:
    """Every SAE of one site, architecture and width, those that are compared first."""
    folder = run.path / "sae" / config.site / config.dictionary
    return [
        Place(agent, role, _sae_seed(run, config, agent, role), folder / str(agent) / role)
        for role in roles(config)
        for agent in run.agents
    ]


def _sae_seed(run: Run, config: SAEConfig, agent: int, role: str) -> int:
    """No two SAEs of a run start alike."""
    name = f"sae-weights/{config.site}/{config.dictionary}/{role}"
    return Stream(run.config.seed, name, agent=agent).seed()


def sae_stage(run: Run, accelerator: Accelerator) -> None:
    """Train the SAEs that are missing, one a worker at a time; then one worker compares them."""
    models = {agent: run.load_agent(agent).to(accelerator.device) for agent in run.agents}
    configs = sae_configs(run.config)
    notes = Notes(run, "sae", accelerator.is_main_process)
    held_out = held_out_of(run)
    todo = [(config, place) for config in configs for place in sae_places(run, config)]
    _train_all(run, models, held_out, todo, notes)
    if accelerator.is_main_process:
        for number, config in enumerate(configs, 1):
            _compare(run, models, held_out, config, notes, f"{number} of {len(configs)}")


def held_out_of(run: Run, count: int | None = None) -> QuizBatch:
    """World quizzes that features are compared on; no agent or SAE was trained on them.

    count: how many, by default those compared on, with which all others begin.
    """
    count = count or run.config.sae.comparison_quizzes
    return held_out_quizzes(run.config.world, _stream(run, "sae-held-out"), count)


def _stream(run: Run, role: str) -> Stream:
    return Stream(run.config.seed, "sae").with_role(role)


def _train_all(
    run: Run,
    models: Mapping[int, AgentModel],
    held_out: QuizBatch,
    todo: Sequence[tuple[SAEConfig, Place]],
    notes: Notes,
) -> None:
    """Train until every SAE is there; those that another worker has begun are left to it."""
    source = training_source(run.config.world, _stream(run, "sae-train"))
    total = len(todo)
    while todo := [(c, p) for c, p in todo if not sae_done(models[p.agent], c, p)]:
        progress = partial(_say_progress, notes, total - len(todo), total)
        if not any(_try(run, models, held_out, source, *one, progress) for one in todo):
            time.sleep(0.5)


def _say_progress(notes: Notes, done: int, total: int, *_: object) -> None:
    notes.say(f"{done} of {total} SAEs")


def _try(
    run: Run,
    models: Mapping[int, AgentModel],
    held_out: QuizBatch,
    source: QuizSource,
    config: SAEConfig,
    place: Place,
    progress: Progress,
) -> bool:
    """Train one SAE, unless another worker is at it: then False."""
    place.path.parent.mkdir(parents=True, exist_ok=True)
    name = f"{run.path.name}/{place.agent}"
    model = models[place.agent]
    try:
        with FileLock(place.path.with_name(f".{place.role}.lock"), timeout=0):
            train_one(model, run.config.world, source, held_out, config, place, name, progress)
            return True
    except Timeout:
        return False


def _compare(
    run: Run,
    models: Mapping[int, AgentModel],
    held_out: QuizBatch,
    config: SAEConfig,
    notes: Notes,
    which: str,
) -> None:
    compare_agents(
        models,
        sae_places(run, config),
        run.config.world,
        comparison_quizzes(run, held_out),
        held_out,
        config,
        features_path(run, config),
        _stream(run, "comparison"),
        lambda n, total: notes.say(f"comparing features ({which}), {n} of {total}"),
    )


def comparison_quizzes(run: Run, held_out: QuizBatch) -> QuizBatch:
    """Held-out world quizzes, and the culture quizzes that no agent or SAE was trained on, unless
    the run's options leave them out."""
    world = run.config.world
    if not run.config.sae.culture:
        return held_out
    culture = CultureStore(run.path / "culture").kept("culture_test")
    if culture is None or not len(culture):
        return held_out
    hashes = world.canonical_hash(culture)
    unseen = (world.split_of(culture) != world.splits.index("sae")) | is_held_out(hashes)
    culture = culture[unseen]
    both = [world.arrange(culture, layout) for layout in world.answer_layouts]
    return concatenate([held_out, *both])
