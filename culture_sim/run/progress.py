"""What a run has already done in training, and the tables that show it."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from agents.evaluation import Evaluation
from culture_sim.run.lookup import CopyingScores, LookupScores, read_lookup
from culture_sim.run.run import Run
from world.core.errors import UserError


def training_done(run: Run, round_: int) -> bool:
    """True when every agent has finished training for ``round_`` (at target or out of budget)."""
    return all(agent_done(run, agent, round_) for agent in run.agents)


def agent_done(run: Run, agent: int, round_: int) -> bool:
    """True when one agent needs no more training for ``round_``."""
    state = run.agent_state(agent)
    if state is None or state.round < round_:
        return False
    spent = state.quizzes - state.round_began
    ended = target_reached(run, agent) or spent >= run.config.train.max_quizzes
    return state.round > round_ or ended


def in_training(run: Run, agent: int) -> bool:
    """True when an interruption left the agent on its way in the round it is in."""
    state = run.agent_state(agent)
    return state is not None and not agent_done(run, agent, state.round)


def target_reached(run: Run, agent: int) -> bool:
    """True when training ended with a test at the target, as it is now: it may have been raised."""
    state = run.agent_state(agent)
    if state is None or state.test is None or not state.reached:
        return False
    return state.test.accuracy >= run.config.train.target


def round_done(run: Run, round_: int) -> bool:
    """True when the round's quizzes are stored and every agent has trained on them."""
    return stored_round(run, round_).exists() and training_done(run, round_)


def refuse_lost_rounds(run: Run) -> None:
    """Raise UserError, naming it, for a round that agents learned from and whose quizzes are gone.

    Held again, by agents that are others by now, it would be another round.
    """
    states = (run.agent_state(agent) for agent in run.agents)
    last = max((state.round for state in states if state is not None), default=0)
    for number in range(1, last + 1):
        path = stored_round(run, number)
        if not path.exists():
            raise UserError(f"{path} is missing, and agents have learned from it; restore it")


def stored_round(run: Run, number: int) -> Path:
    """Where a culture round is, or will be."""
    return run.path / "culture" / f"round-{number:04d}.parquet"


def training_table(run: Run) -> Table:
    """Accuracy of every agent on unseen quizzes, with its interval."""
    table = Table(title="Exact answers on unseen quizzes", title_justify="left", box=None)
    table.padding, table.pad_edge = (0, 1, 0, 0), False  # to fit a terminal of 80 columns
    columns = (
        *("agent", "test", "95 %\ninterval", "fresh", "recom-\nbined", "other\nscenes"),
        *("new\nobjects", "quizzes", "seconds", "target"),
    )
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for agent in run.agents:
        state = run.agent_state(agent)
        if state is None or state.test is None:
            table.add_row(str(agent), *["-"] * (len(columns) - 2), "not examined")
            continue
        test = state.test
        table.add_row(
            str(agent),
            _accuracy(test),
            _interval(test),
            *map(_accuracy, (state.final_test, state.recombined)),
            *map(_accuracy, (state.other_scenes, state.new_objects)),
            "unknown" if state.imported else f"{state.quizzes:,}",
            "unknown" if state.imported else f"{state.seconds:.0f}",
            _verdict(run, target_reached(run, agent)),
        )
    if (lookup := read_lookup(run)) is not None:
        known = _share(lookup.recombined)
        figures = f"{lookup.accuracy:.1%}", _interval(lookup), "-", known, "-", "-"
        table.add_row("lookup", *figures, f"{lookup.quizzes:,}", "-", "by heart")
        if (copying := lookup.copying) is not None:
            beyond = _share(copying.other_scenes), _share(copying.new_objects)
            figures = f"{copying.accuracy:.1%}", _interval(copying), "-", "-", *beyond
            table.add_row("copies", *figures, f"{lookup.quizzes:,}", "-", "by heart")
    return table


def _interval(of: Evaluation | LookupScores | CopyingScores) -> str:
    return f"{100 * of.low:.1f} to {100 * of.high:.1f}"


def _accuracy(evaluation: Evaluation | None) -> str:
    return _share(evaluation.accuracy if evaluation else None)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _verdict(run: Run, reached: bool) -> str:
    if run.config.train.target == 0:
        return "none"
    return "reached" if reached else f"below {run.config.train.target:.0%}"


def times_table(run: Run) -> Table:
    """Where the time went, by stage."""
    table = Table(title="Where the time went", title_justify="left", box=None)
    table.add_column("stage", min_width=20)
    table.add_column("minutes", justify="right")
    seconds = run.summary().get("seconds", {})
    for stage, spent in seconds.items():
        table.add_row(stage, f"{spent / 60:.1f}")
    table.add_row("all", f"{sum(seconds.values()) / 60:.1f}")
    return table
