"""The stage of a culture round: quizzes are proposed, voted on and stored, and trained on."""

from __future__ import annotations

from accelerate import Accelerator

from agents.training import unseen_quizzes
from culture_sim.culture.curriculum import make_curriculum
from culture_sim.culture.round import RoundProgress, run_culture_round
from culture_sim.culture.store import CultureStore
from culture_sim.population.population import Population
from culture_sim.run.reporter import Notes
from culture_sim.run.run import Run
from world import Stream


def culture_stage(run: Run, number: int, accelerator: Accelerator) -> None:
    """Round ``number``: propose, vote and store, then bring every agent back to the target."""
    config = run.config
    store = CultureStore(run.path / "culture")
    notes = Notes(run, f"round {number}", accelerator.is_main_process)

    def progress(seen: RoundProgress) -> None:
        share = seen.kept / max(seen.proposed, 1)
        notes.say(
            f"{seen.proposed:,} proposed, {seen.voted:,} voted, "
            f"{seen.kept} of {config.culture.quota} kept (yield {share:.1%})"
        )

    states = [run.agent_state(agent) or {} for agent in run.agents]
    test = unseen_quizzes(
        config.world, Stream(config.seed, "world-test"), config.train.test_quizzes
    )
    figures = run_culture_round(
        [run.load_agent(agent) for agent in run.agents],
        config.quiz_world,
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
    curriculum = make_curriculum(store, config.culture.trains_on, config.agents)
    restart = restarts(store, number, config.culture.restart_quota)
    if restart:
        notes.say("enough culture is kept: agents learn again from new weights", done=True)
    Population(run, accelerator, number, curriculum, restart).train()


def restarts(store: CultureStore, number: int, quota: int) -> bool:
    """Whether a round brings the quizzes kept in all to another multiple of a quota; 0: never."""
    if not quota:
        return False
    kept = [int(store.decision(each).keep.sum()) for each in store.rounds() if each <= number]
    return sum(kept) // quota > sum(kept[:-1]) // quota
