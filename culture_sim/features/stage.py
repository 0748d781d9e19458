"""The stage "sae": SAEs on every agent of a run, and the comparison of their features."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

from accelerate import Accelerator
from filelock import FileLock, Timeout

from agents.model import AgentModel
from culture_sim.culture.store import CultureStore
from culture_sim.features.folders import dictionary_configs, features_path
from culture_sim.run.reporter import Notes
from culture_sim.run.run import Run
from sae.activations.quizzes import QuizSource, held_out_quizzes, is_held_out, training_source
from sae.comparison.stage import compare_agents
from sae.config import DictionaryConfig
from sae.dictionaries.slots import SAESlot, sae_done, sae_roles, train_one
from sae.dictionaries.training import Progress
from world import QuizBatch, Stream, concatenate


def sae_slots(run: Run, dictionary: DictionaryConfig) -> list[SAESlot]:
    """Every SAE of one site, architecture and width, those that are compared first."""
    folder = run.path / "sae" / dictionary.site / dictionary.name
    return [
        SAESlot(agent, role, _sae_seed(run, dictionary, agent, role), folder / str(agent) / role)
        for role in sae_roles(run.config.sae)
        for agent in run.agents
    ]


def _sae_seed(run: Run, dictionary: DictionaryConfig, agent: int, role: str) -> int:
    """No two SAEs of a run start alike."""
    name = f"sae-weights/{dictionary.site}/{dictionary.name}/{role}"
    return Stream(run.config.seed, name, agent=agent).seed()


def sae_stage(run: Run, accelerator: Accelerator) -> None:
    """Train the SAEs that are missing, one a worker at a time; then one worker compares them."""
    models = {agent: run.load_agent(agent).to(accelerator.device) for agent in run.agents}
    dictionaries = dictionary_configs(run.config)
    notes = Notes(run, "sae", accelerator.is_main_process)
    held_out = held_out_of(run)
    todo = [
        (dictionary, slot) for dictionary in dictionaries for slot in sae_slots(run, dictionary)
    ]
    _train_all(run, models, held_out, todo, notes)
    if accelerator.is_main_process:
        for number, dictionary in enumerate(dictionaries, 1):
            which = f"{number} of {len(dictionaries)}"
            _compare(run, models, held_out, dictionary, notes, which)


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
    todo: Sequence[tuple[DictionaryConfig, SAESlot]],
    notes: Notes,
) -> None:
    """Train until every SAE is there; those that another worker has begun are left to it."""
    source = training_source(run.config.world, _stream(run, "sae-train"))
    total = len(todo)
    while todo := [(d, s) for d, s in todo if not sae_done(models[s.agent], d, s)]:
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
    dictionary: DictionaryConfig,
    slot: SAESlot,
    progress: Progress,
) -> bool:
    """Train one SAE, unless another worker is at it: then False."""
    slot.path.parent.mkdir(parents=True, exist_ok=True)
    name = f"{run.path.name}/{slot.agent}"
    model = models[slot.agent]
    try:
        with FileLock(slot.path.with_name(f".{slot.role}.lock"), timeout=0):
            train_one(model, run.config.world, source, held_out, dictionary, slot, name, progress)
            return True
    except Timeout:
        return False


def _compare(
    run: Run,
    models: Mapping[int, AgentModel],
    held_out: QuizBatch,
    dictionary: DictionaryConfig,
    notes: Notes,
    which: str,
) -> None:
    quizzes = comparison_quizzes(run, held_out)
    compare_agents(
        models,
        sae_slots(run, dictionary),
        run.config.world,
        quizzes,
        held_out,
        dictionary,
        run.config.sae,
        features_path(run, dictionary),
        _stream(run, "comparison"),
        {"culture_quizzes": len(quizzes) - len(held_out)},
        lambda n, total: notes.say(f"comparing features ({which}), {n} of {total}"),
    )


def comparison_quizzes(run: Run, held_out: QuizBatch) -> QuizBatch:
    """Held-out world quizzes, and the culture quizzes that no agent or SAE was trained on, unless
    the run's options leave them out."""
    world = run.config.world
    if not run.config.compare_on_culture:
        return held_out
    culture = CultureStore(run.path / "culture").kept("culture_test")
    if culture is None or not len(culture):
        return held_out
    hashes = world.canonical_hash(culture)
    unseen = (world.split_of(culture) != world.splits.index("sae")) | is_held_out(hashes)
    culture = culture[unseen]
    both = [world.arrange(culture, layout) for layout in world.answer_layouts]
    return concatenate([held_out, *both])
