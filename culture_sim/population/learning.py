"""Culture rounds as a population meets them: a round opened with its agents, and what they then
learn from."""

from __future__ import annotations

from accelerate import Accelerator

from culture_sim.culture.curriculum import make_curriculum
from culture_sim.culture.round import CultureRound, RoundProgress, open_round
from culture_sim.culture.store import CultureStore
from culture_sim.population.exams import stopping_test
from culture_sim.population.population import Population
from culture_sim.run.provenance import made_on
from culture_sim.run.reporter import StageReporter
from culture_sim.run.run import Run


def open_round_of(run: Run, number: int, accelerator: Accelerator) -> CultureRound:
    """Round ``number`` of a run, with its agents as they are now."""
    config, reporter = run.config, _reporter(run, number, accelerator)

    def report(progress: RoundProgress) -> None:
        share = progress.kept / max(progress.proposed, 1)
        reporter.report(
            f"{progress.proposed:,} proposed, {progress.voted:,} voted, "
            f"{progress.kept} of {config.culture.quota} kept (yield {share:.1%})"
        )

    return open_round(
        [run.load_agent(agent) for agent in run.agents],
        config.quiz_world,
        config.culture,
        number=number,
        seed=config.seed,
        checkpoints=run.checksums(),
        test_hashes=config.world.canonical_hash(stopping_test(config)),
        store=CultureStore(run.path / "culture"),
        accelerator=accelerator,
        report=report,
        notes={"made_on": made_on(run)},
    )


def population_after(run: Run, number: int, accelerator: Accelerator) -> Population:
    """The population that learns from what rounds up to ``number`` kept."""
    config, store = run.config, CultureStore(run.path / "culture")
    reporter = _reporter(run, number, accelerator)
    kept = int(store.decision(number).keep.sum())
    reporter.report(f"{kept} quizzes kept; agents train on them", done=True)
    restart = restarts(store, number, config.culture.restart_quota)
    if restart:
        reporter.report("enough culture is kept: agents learn again from new weights", done=True)
    trains_on, world = config.culture.trains_on, config.quiz_world
    curriculum = make_curriculum(store, world, trains_on, config.agents)
    return Population(run, accelerator, number, curriculum, restart)


def restarts(store: CultureStore, number: int, quota: int) -> bool:
    """Whether a round brings the quizzes kept in all to another multiple of a quota; 0: never."""
    if not quota:
        return False
    kept = [int(store.decision(n).keep.sum()) for n in store.rounds() if n <= number]
    return sum(kept) // quota > sum(kept[:-1]) // quota


def _reporter(run: Run, number: int, accelerator: Accelerator) -> StageReporter:
    return StageReporter(run, f"round {number}", accelerator.is_main_process)
