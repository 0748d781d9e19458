"""Who trains which agent: the weakest that is below target and that nobody else trains.

A process claims an agent by locking a file beside it; the system frees the lock if the process
dies. So no process idles while an agent that nobody trains is below target.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from filelock import FileLock, Timeout

from agents.checkpoint import recover
from culture_sim.run.progress import agent_done
from culture_sim.run.run import Run


def claim_weakest(run: Run, round_: int, claims: ExitStack) -> tuple[bool, int | None]:
    """Whether agents have training for ``round_`` before them, and the weakest that nobody trains.

    claims: holds the lock of that agent until it is closed.
    """
    waiting = [agent for agent in run.agents if not agent_done(run, agent, round_)]
    for agent in sorted(waiting, key=lambda agent: (_accuracy(run, agent), agent)):
        with ExitStack() as attempt:
            # Another process may have ended its training since.
            if attempt.enter_context(_claim(run, agent)) and not agent_done(run, agent, round_):
                claims.push(attempt.pop_all())
                return True, agent
    return bool(waiting), None


def _accuracy(run: Run, agent: int) -> float:
    state = run.agent_state(agent)
    return state.validation.accuracy if state and state.validation else -1.0


@contextmanager
def _claim(run: Run, agent: int) -> Iterator[bool]:
    """Hold the agent's lock, if nobody does."""
    path = run.agent_path(agent)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{agent}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        recover(path)
        yield True
    finally:
        lock.release()


def recover_all(run: Run) -> None:
    """Finish or undo swaps of checkpoints that a kill cut off, also of agents that are done."""
    if (run.path / "agents").is_dir():
        for agent in run.agents:
            with _claim(run, agent):
                pass
