"""The work of each stage, as one worker does it beside the others.

Every worker of a run calls the same function; what to do is shared out by locks on files
(training agents and SAEs) or by rank (voting), never by a leader that the others wait for.
"""

from __future__ import annotations

import time
from pathlib import Path

from accelerate import Accelerator
from filelock import FileLock, Timeout

from agents.precision import make_accelerator
from agents.training import unseen_quizzes
from culture_sim.culture_round import RoundProgress, run_culture_round
from culture_sim.population import Population
from culture_sim.run import Run
from culture_sim.store import CultureStore
from sae.quizzes import held_out_quizzes, is_held_out, training_source
from sae.stage import compare_agents, sae_done, train_one
from world import SPLITS, QuizBatch, Stream, concatenate

NOTE_EVERY_S = 2.0


def run_stage(run: Run, stage: str) -> None:
    """Do this process's part of a stage: "train", "round-3", "sae" or "report"."""
    accelerator = make_accelerator(run.config.train)
    if stage == "train":
        Population(run, accelerator, 0).train()
    elif stage.startswith("round-"):
        culture_stage(run, int(stage.removeprefix("round-")), accelerator)
    elif stage == "sae":
        sae_stage(run, accelerator)
    elif stage == "report":
        if accelerator.is_main_process:
            from culture_sim.report import write_report

            write_report(run)
    else:
        raise ValueError(f"unknown stage {stage!r}")
    accelerator.wait_for_everyone()


class Notes:
    """Says how far a stage is, in one line, not more often than anyone would read."""

    def __init__(self, run: Run, stage: str, speaks: bool) -> None:
        self.run, self.stage, self.speaks = run, stage, speaks
        self._last = 0.0

    def say(self, note: str, done: bool = False) -> None:
        """Log the note, unless another was logged a moment ago."""
        if self.speaks and (done or time.time() - self._last > NOTE_EVERY_S):
            self._last = time.time()
            self.run.log(self.stage, note=note, done=done)


def culture_stage(run: Run, number: int, accelerator: Accelerator) -> None:
    """Round ``number``: propose, vote and store, then bring every agent back to the target."""
    config = run.config
    store = CultureStore(run.path / "culture")
    notes = Notes(run, f"round {number}", accelerator.is_main_process)

    def progress(seen: RoundProgress) -> None:
        share = seen.kept / max(seen.voted, 1)
        notes.say(
            f"{seen.proposed:,} proposed, {seen.voted:,} voted, "
            f"{seen.kept} of {config.culture.quota} kept ({share:.1%} of votes)"
        )

    states = [run.agent_state(agent) or {} for agent in run.agents]
    test = unseen_quizzes(
        config.world, Stream(config.seed, "world-test"), config.train.test_quizzes
    )
    figures = run_culture_round(
        [run.load_agent(agent) for agent in run.agents],
        config.world,
        config.culture,
        round_=number,
        seed=config.seed,
        checkpoints=[state.get("sha256", "") for state in states],
        test_hashes=config.world.canonical_hash(test),
        store=store,
        accelerator=accelerator,
        progress=progress,
    )
    notes.say(f"{figures['kept']} quizzes kept; agents train on them", done=True)
    train, held_out = store.kept("culture_train"), store.kept("culture_test")
    Population(run, accelerator, number, train, held_out).train()


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
