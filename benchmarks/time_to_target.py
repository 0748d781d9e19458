"""Seconds and quizzes until an agent answers 95 % of unseen quizzes exactly.

The default recipe and the source's learn side by side, one process and one thread each, from the
same seed in the same world, so that whatever disturbs the machine disturbs both. The source's is
stopped when the budget ends, and the row then says where it was: the ratio is then a lower bound.

Run alone, for another budget: python -m benchmarks.time_to_target --minutes 90
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.precision import make_accelerator
from agents.training import Learner, mixed_draw, task_odds, unseen_quizzes
from benchmarks.measure import Row
from benchmarks.recipes import recipes
from benchmarks.subjects import subject
from culture_sim.workers import ALLOCATOR
from world import Stream

PAIR = ("default", "source")
MINUTES = 12.0
"""Budget of both recipes, within a run of all benchmarks."""
PAUSE_S = 0.5
"""Between looks at whether a recipe has ended."""


def rows(quick: bool, minutes: float = MINUTES) -> Iterator[Row]:
    """Seconds and quizzes to the target, the source's beside them."""
    budget = 1.0 if quick else 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        outs = {name: Path(folder) / name for name in PAIR}
        _side_by_side({name: _command(name, quick, budget, out) for name, out in outs.items()})
        ends = {name: json.loads(out.read_text().splitlines()[-1]) for name, out in outs.items()}
    end, source = ends["default"], ends["source"]
    reached = "" if end["reached"] else f", stopped at {end['accuracy']:.1%}"
    baseline = f"source's recipe, {_where(source)}"
    for unit, key in (("s", "seconds"), ("quizzes", "quizzes")):
        yield Row(
            "time to 95 %",
            f"default recipe{reached}",
            end[key],
            unit,
            baseline,
            source[key],
            better="less",
        )


def _side_by_side(commands: Mapping[str, Sequence[str]]) -> None:
    """Run commands until all have ended; when one fails, or this is interrupted, none goes on."""
    env = {**ALLOCATOR, **os.environ, "OMP_NUM_THREADS": "1"}
    own: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            own[name] = subprocess.Popen(command, env=env)
        while None in [process.poll() for process in own.values()]:
            _refuse_failures(own)
            time.sleep(PAUSE_S)
        _refuse_failures(own)
    finally:
        for process in own.values():
            process.kill()
            process.wait()


def _refuse_failures(own: Mapping[str, subprocess.Popen[bytes]]) -> None:
    failed = {name: process.returncode for name, process in own.items() if process.returncode}
    if failed:
        raise RuntimeError(f"a recipe failed: exit codes {failed}")


def _where(end: dict[str, Any]) -> str:
    return "at the target" if end["reached"] else f"stopped at {end['accuracy']:.1%}"


def _command(name: str, quick: bool, budget: float, out: Path) -> list[str]:
    flags = ["--quick"] if quick else []
    place = ["--recipe", name, "--minutes", str(budget / 60), "--out", str(out)]
    return [sys.executable, "-m", __spec__.name, *place, *flags]


def learn(name: str, agent: int, quick: bool, budget: float, out: Path) -> None:
    """Train one agent by a recipe, writing where it is after every epoch as a line of JSON.

    budget: seconds of the processor, which a busy machine does not cut short.
    """
    world, size = subject(quick)
    model, train = recipes[name](size)
    root = Stream(0, "")
    stream = Stream(0, "", agent=agent)
    learner = Learner(model, train, world, stream, make_accelerator(train))
    test = unseen_quizzes(world, root.with_role("world-test"), train.test_quizzes)
    gate = unseen_quizzes(world, root.with_role("world-gate"), train.gate_quizzes, [test])
    by_task: dict[str, float] = {}
    began, spent, reached = time.perf_counter(), time.process_time(), False
    with out.open("w") as file:
        while not reached and time.process_time() - spent < budget:
            odds = task_odds(by_task, world.tasks, train.focus)
            for _ in learner.train_epoch(mixed_draw(world, learner.stream, odds=odds)):
                if time.process_time() - spent > budget:
                    break
            found = learner.evaluate(gate)
            by_task = found.by_task
            if found.accuracy >= train.target:
                found = learner.evaluate(test)
                reached = found.accuracy >= train.target
            line = {
                "recipe": name,
                "quizzes": learner.quizzes,
                "seconds": time.perf_counter() - began,
                "processor_seconds": time.process_time() - spent,
                "accuracy": found.accuracy,
                "of": found.total,
                "reached": reached,
            }
            file.write(json.dumps(line) + "\n")
            file.flush()


def main() -> None:
    """One recipe to a file, or both as rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="budget of a recipe")
    parser.add_argument("--recipe", choices=list(recipes), help="only this one")
    parser.add_argument("--agent", type=int, default=0, help="which agent's weights and quizzes")
    parser.add_argument("--out", type=Path, help="where the lines of one recipe go")
    parser.add_argument("--quick", action="store_true", help="a tiny world")
    given = parser.parse_args()
    if given.recipe:
        if not given.out:
            parser.error("--recipe needs --out")
        learn(given.recipe, given.agent, given.quick, 60 * given.minutes, given.out)
        return
    for row in rows(given.quick, given.minutes):
        print(json.dumps(row.as_dict()))


if __name__ == "__main__":
    main()
