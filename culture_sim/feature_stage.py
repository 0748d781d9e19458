"""The stage "sae": SAEs on every agent of a run, and the comparison of their features."""

from __future__ import annotations

import time
from pathlib import Path

from accelerate import Accelerator
from filelock import FileLock, Timeout

from culture_sim.notes import Notes
from culture_sim.run import Run
from culture_sim.store import CultureStore
from sae.quizzes import held_out_quizzes, is_held_out, training_source
from sae.stage import compare_agents, sae_done, train_one
from world import SPLITS, QuizBatch, Stream, concatenate


def sae_path(run: Run, agent: int, seed: int) -> Path:
    """The folder of one SAE."""
    return run.path / "sae" / run.config.sae.site / str(agent) / str(seed)


def sae_stage(run: Run, accelerator: Accelerator) -> None:
    """Train the SAEs that are missing, one a worker at a time; then one worker compares them."""
    config, world = run.config.sae, run.config.world
    models = {agent: run.load_agent(agent).to(accelerator.device) for agent in run.agents}
    stream = Stream(run.config.seed, "sae")
    held_out = held_out_quizzes(world, stream.with_role("sae-held-out"), config.comparison_quizzes)
    notes = Notes(run, "sae", accelerator.is_main_process)
    places = [(agent, seed) for seed in range(config.seeds) for agent in run.agents]
    seeds = {p: Stream(run.config.seed, "sae-weights", agent=p[0]).seed(p[1]) for p in places}

    def waiting() -> list[tuple[int, int]]:
        return [
            p for p in places if not sae_done(models[p[0]], config, seeds[p], sae_path(run, *p))
        ]

    while todo := waiting():
        for place in todo:
            path = sae_path(run, *place)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(path.with_name(f".{place[1]}.lock"), timeout=0):
                    source = training_source(world, stream.with_role("sae-train"))
                    train_one(
                        models[place[0]],
                        world,
                        source,
                        held_out,
                        config,
                        path,
                        seeds[place],
                        f"{run.path.name}/{place[0]}",
                        lambda *_: notes.say(f"{len(places) - len(todo)} of {len(places)} SAEs"),
                    )
                    break
            except Timeout:
                continue
        else:
            time.sleep(0.5)
    if accelerator.is_main_process:
        compare_agents(
            models,
            {a: [sae_path(run, a, s) for s in range(config.seeds)] for a in run.agents},
            world,
            comparison_quizzes(run, held_out),
            config,
            run.path / "features" / config.site,
            stream.with_role("comparison"),
            lambda n, total: notes.say(f"comparing features, {n} of {total}"),
        )


def comparison_quizzes(run: Run, held_out: QuizBatch) -> QuizBatch:
    """Held-out world quizzes, and the culture quizzes that no agent or SAE was trained on."""
    world = run.config.world
    culture = CultureStore(run.path / "culture").kept("culture_test")
    if culture is None or not len(culture):
        return held_out
    hashes = world.canonical_hash(culture)
    unseen = (world.split(hashes) != SPLITS.index("sae")) | is_held_out(hashes)
    culture = culture[unseen]
    both = [world.arrange(culture, structure) for structure in world.answer_structures]
    return concatenate([held_out, *both])
