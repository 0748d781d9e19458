"""Commands as sequences of stages: what is missing is done, what is there is left alone.

This runs in the process a person started. The work itself happens in workers; here it is
ordered, timed, shown, and its result told in plain words with an honest exit code.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from culture_sim.experiment import run_stage
from culture_sim.launch.console import OutputConsole
from culture_sim.launch.monitor import Monitor
from culture_sim.launch.processes import (
    END,
    connection,
    default_processes,
    launched_outside,
    tell,
    told,
)
from culture_sim.launch.tracking import Tracking
from culture_sim.launch.workers import run_workers
from culture_sim.population.schedule import recover_all
from culture_sim.report.summary import (
    culture_summary,
    features_summary,
    summary_again,
    training_summary,
)
from culture_sim.run.alarms import training_alarms
from culture_sim.run.config import RunConfig
from culture_sim.run.lookup import lookup_is_scored
from culture_sim.run.progress import (
    in_training,
    refuse_lost_rounds,
    round_done,
    target_reached,
    times_table,
    training_done,
    training_table,
)
from culture_sim.run.run import SUMMARY, Run
from world.core.errors import UserError
from world.core.files import write_json

console = OutputConsole()
ALONE = ("report",)
"""Stages that one process does."""
LATER = {"culture": ("round", "sae")}
"""Stages that a command comes to after its first, by their first words."""


def check_command(command: str, config: RunConfig, processes: int | None) -> None:
    """Raise UserError for options with which a command could not do all that it is to do.

    Looked at first, so that nothing fails after hours of other stages.
    """
    if processes is not None and processes < 1:
        raise UserError(f"processes must be at least 1, got {processes}")
    if command == "report":
        return
    from culture_sim.launch.checks import (
        check_culture,
        check_features,
        check_options,
        check_training,
    )

    checks: dict[str, Sequence[Callable[[RunConfig], None]]] = {
        "train-agents": [check_training],
        "culture-round": [check_training, check_culture],
        "sae": [check_features],
        "culture": [check_options],
    }
    for check in checks[command]:
        check(config)


def run_command(command: str, run: Run, processes: int | None, wandb: bool) -> int:
    """Do what a command asks of a run; returns the exit code (1: an agent is below target).

    Call it while holding the run's lock.
    """
    refuse_lost_rounds(run)
    recover_all(run)
    _mend_summary(run)
    processes = processes or default_processes(run.config.agents)
    tracking = Tracking(run, wandb)
    work = partial(_work, run, processes, tracking, LATER.get(command, ()))
    steps: dict[str, list[Callable[[], int]]] = {
        "train-agents": [partial(_train, run, work)],
        "culture-round": [partial(_rounds, run, work)],
        "sae": [partial(_features, run, work)],
        "report": [partial(_report, run, work)],
    }
    steps["culture"] = [partial(_train, run, work, going_on=True)]
    steps["culture"] += [*steps["culture-round"], *steps["sae"], *steps["report"]]
    with closing(tracking):
        for step in steps[command]:
            code = step()
            if code:
                break
    if command == "culture" and not code:
        console.print(times_table(run))
    if launched_outside():
        tell(END)
    return code


def _mend_summary(run: Run) -> None:
    """Make the headline figures again where they are damaged, and say so."""
    try:
        run.summary()
    except UserError:
        path = run.path / SUMMARY
        write_json(path, summary_again(run))
        console.print(
            f"{path} was damaged; it is made again, without the time that stages took",
            soft_wrap=True,
            highlight=False,
        )


def follow(path: Path) -> int:
    """Do this process's part of whatever the leading process does; returns 0 when it ends.

    Under an outside launcher one process leads: what is to be done next depends on files that
    may change while others look at them.
    """
    with connection():
        while (stage := told()) != END:
            run_stage(Run.open(path), stage)
    return 0


def _work(run: Run, processes: int, tracking: Tracking, later: Sequence[str], stage: str) -> None:
    """One stage to its end, in workers (or here, as one of accelerate's own processes)."""
    began = time.monotonic()
    try:
        with Monitor(run, console, tracking) as monitor:
            if launched_outside():
                tell(stage)
                with connection(), _ticking(monitor):
                    run_stage(run, stage)
            else:
                processes = 1 if stage in ALONE else processes
                run_workers(run, stage, processes, monitor.tick, later)
    finally:
        # A stage that was interrupted and resumed took all of its attempts.
        _add_seconds(run, stage, time.monotonic() - began)
        if alarms := training_alarms(run):
            run.add_summary("alarms", alarms)


@contextmanager
def _ticking(monitor: Monitor) -> Iterator[None]:
    """Keep the monitor going while this process works itself."""
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.5):
            monitor.tick()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _add_seconds(run: Run, stage: str, spent: float) -> None:
    earlier = run.summary().get("seconds", {})
    total = earlier.get(stage, 0.0) + spent
    run.add_summary("seconds", {**earlier, stage: round(total, 1)})


def _train(run: Run, work: Callable[[str], None], going_on: bool = False) -> int:
    """``going_on``: agents that an interrupted round left on their way are its business."""
    trained = training_done(run, 0)
    # The last attempt may have been cut off between the agents and what is told of them.
    told = trained and lookup_is_scored(run) and "training" in run.summary()
    if not trained:
        from culture_sim.launch.checks import warning_of_few_units

        if warning := warning_of_few_units(run.config.world):
            console.print(f"warning: {warning}", soft_wrap=True, highlight=False)
    if not told:
        work("train")
        run.add_summary("training", training_summary(run))
    console.print(training_table(run))
    excused = [agent for agent in run.agents if going_on and in_training(run, agent)]
    return _judge(run, [agent for agent in run.agents if agent not in excused])


def _judge(run: Run, agents: Sequence[int]) -> int:
    """1, and a line that says so, if some of these agents are below the target."""
    below = [agent for agent in agents if not target_reached(run, agent)]
    if not below:
        return 0
    names = ", ".join(map(str, below))
    console.print(
        f"Agents below {run.config.train.target:.0%} after their last training: {names}. "
        f"Give more with --train.max-quizzes (now {run.config.train.max_quizzes}).",
        soft_wrap=True,
        highlight=False,
    )
    return 1


def _rounds(run: Run, work: Callable[[str], None]) -> int:
    if not training_done(run, 0):
        raise UserError(
            f"the agents of {run.path} are not trained yet; run first: "
            f"culture-sim train-agents --run {run.path.name}"
        )
    for number in range(1, run.config.rounds + 1):
        if round_done(run, number):
            continue
        _refuse_below_target(run, number)
        work(f"round-{number}")
        summary = culture_summary(run)
        run.add_summary("culture", summary)
        for alarm in summary["alarms"]:
            if alarm["round"] == number:
                console.print(f"alarm after round {number}: {alarm['text']}", soft_wrap=True)
        if not all(target_reached(run, agent) for agent in run.agents):
            break
    run.add_summary("culture", culture_summary(run))
    console.print(training_table(run))
    return _judge(run, run.agents)


def _refuse_below_target(run: Run, number: int) -> None:
    """A round is made by agents at the target; some may be in it already, and on their way."""
    below = [
        agent
        for agent in run.agents
        if (state := run.agent_state(agent)) and state.round < number
        if not target_reached(run, agent)
    ]
    if below:
        raise UserError(
            f"agents {', '.join(map(str, below))} of {run.path} are below "
            f"{run.config.train.target:.0%}; train them on with train-agents and a greater "
            f"--train.max-quizzes, or ask for less with --train.target"
        )


def _features(run: Run, work: Callable[[str], None]) -> int:
    if not training_done(run, 0):
        raise UserError(
            f"the agents of {run.path} are not trained yet; run first: "
            f"culture-sim train-agents --run {run.path.name}"
        )
    # Agents and culture may have changed since the last comparison; the stage itself knows, and
    # makes again what is out of date.
    work("sae")
    run.add_summary("features", features_summary(run))
    return 0


def _report(run: Run, work: Callable[[str], None]) -> int:
    work("report")
    console.print(f"report: {run.path / 'report' / 'index.html'}", soft_wrap=True)
    return 0
