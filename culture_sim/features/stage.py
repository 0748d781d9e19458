"""The stage "sae": SAEs on every agent of a run, and the comparison of their features."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accelerate import Accelerator
from filelock import FileLock, Timeout

from agents.model import AgentModel
from culture_sim.culture.store import CultureStore
from culture_sim.features.folders import dictionary_configs, features_path
from culture_sim.run.provenance import made_on
from culture_sim.run.reporter import StageReporter
from culture_sim.run.run import Run
from sae.activations.quizzes import QuizSource, held_out_quizzes, is_held_out, training_source
from sae.comparison.stage import compare_agents
from sae.config import DictionaryConfig
from sae.dictionaries.loop import Progress
from sae.dictionaries.slots import SAESlot, sae_done, sae_roles, train_slots, with_one_source
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


@dataclass(frozen=True)
class FeatureWork:
    """What a worker needs to train dictionaries and compare them, the same in every worker.

    models: the agents by number, on the worker's device. held_out: world quizzes that no agent and
    no SAE was trained on. notes: with what SAEs and comparisons are made, to be kept with them.
    """

    run: Run
    models: Mapping[int, AgentModel]
    dictionaries: Sequence[DictionaryConfig]
    held_out: QuizBatch
    reporter: StageReporter
    notes: Mapping[str, Any]


def open_features(run: Run, accelerator: Accelerator) -> FeatureWork:
    """The agents of a run and the dictionaries that its options ask for."""
    return FeatureWork(
        run,
        {agent: run.load_agent(agent).to(accelerator.device) for agent in run.agents},
        dictionary_configs(run.config),
        held_out_of(run),
        StageReporter(run, "sae", accelerator.is_main_process),
        {"made_on": made_on(run)},
    )


def train_dictionaries(work: FeatureWork) -> None:
    """Train the SAEs that are missing, those of one agent and source together, until all are there.

    Those that another worker has begun are left to it.
    """
    groups = [
        (dictionary, group)
        for dictionary in work.dictionaries
        for group in with_one_source(sae_slots(work.run, dictionary))
    ]
    source = training_source(work.run.config.world, _stream(work.run, "sae-train"))
    total = sum(len(slots) for _, slots in groups)

    def missing(dictionary: DictionaryConfig, slots: Sequence[SAESlot]) -> int:
        return sum(not sae_done(work.models[s.agent], dictionary, s) for s in slots)

    while todo := [each for each in groups if missing(*each)]:
        done = total - sum(missing(*each) for each in todo)

        def progress(*_: object, done: int = done) -> None:
            work.reporter.report(f"{done} of {total} SAEs")

        if not any(_train_if_free(work, source, *each, progress) for each in todo):
            time.sleep(0.5)


def _train_if_free(
    work: FeatureWork,
    source: QuizSource,
    dictionary: DictionaryConfig,
    slots: Sequence[SAESlot],
    progress: Progress,
) -> bool:
    """Train the SAEs of a group, unless another worker is at it: then False."""
    first = slots[0]
    first.path.parent.mkdir(parents=True, exist_ok=True)
    model, world = work.models[first.agent], work.run.config.world
    name = f"{work.run.path.name}/{first.agent}"
    try:
        with FileLock(first.path.with_name(f".{first.role}.lock"), timeout=0):
            train_slots(
                model, world, source, work.held_out, dictionary, slots, name, progress, work.notes
            )
            return True
    except Timeout:
        return False


def compare_all(work: FeatureWork) -> None:
    """Compare the features of all agents, dictionary by dictionary."""
    run, quizzes = work.run, comparison_quizzes(work.run, work.held_out)
    for number, dictionary in enumerate(work.dictionaries, 1):
        which = f"{number} of {len(work.dictionaries)}"

        def tick(done: int, total: int, which: str = which) -> None:
            work.reporter.report(f"comparing features ({which}), {done} of {total}")

        compare_agents(
            work.models,
            sae_slots(run, dictionary),
            run.config.world,
            quizzes,
            work.held_out,
            dictionary,
            run.config.sae,
            features_path(run, dictionary),
            _stream(run, "comparison"),
            {"culture_quizzes": len(quizzes) - len(work.held_out), **work.notes},
            tick,
        )


def held_out_of(run: Run, count: int | None = None) -> QuizBatch:
    """World quizzes that features are compared on; no agent or SAE was trained on them.

    count: how many, by default those compared on, with which all others begin.
    """
    count = count or run.config.sae.comparison_quizzes
    return held_out_quizzes(run.config.world, _stream(run, "sae-held-out"), count)


def _stream(run: Run, role: str) -> Stream:
    return Stream(run.config.seed, "sae").with_role(role)


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
