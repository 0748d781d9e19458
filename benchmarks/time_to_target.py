"""Seconds and quizzes until an agent answers 95 % of unseen quizzes exactly.

The default recipe and the source's learn from the same seed in the same world: side by side, one
process and one thread each, so that whatever disturbs the machine disturbs both; on a GPU, which
they would share, one after the other. The source's is stopped when the budget ends, and the row
then says where it was: the ratio is then a lower bound. The floor is the arithmetic of the quizzes
that the default recipe needed, so the share of it is the model FLOPs utilisation, evaluation
included.

Run alone, for another budget: python -m benchmarks.time_to_target --minutes 90
The published size, on a GPU: python -m benchmarks.time_to_target --preset fleuret --minutes 120
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.learning import learn
from benchmarks.measure import Row, device, matrix_flops
from benchmarks.recipes import recipes
from benchmarks.subjects import learning_flops, working_dtype
from culture_sim.launch.memory import keep_freed_memory
from culture_sim.presets import presets
from world.core.files import json_text

PAIR = ("default", "source")
MINUTES = 12.0
"""Budget of both recipes, within a run of all benchmarks."""
PAUSE_S = 0.5
"""Between looks at whether a recipe has ended."""


def rows(quick: bool, minutes: float = MINUTES, preset: str = "compact") -> Iterator[Row]:
    """Seconds and quizzes to the target, the source's beside them."""
    preset, minutes = ("smoke", 1 / 60) if quick else (preset, minutes)
    with tempfile.TemporaryDirectory() as folder:
        outs = {name: Path(folder) / name for name in PAIR}
        commands = {name: _command(name, preset, minutes, out) for name, out in outs.items()}
        one_by_one = [{name: command} for name, command in commands.items()]
        for turn in [commands] if device().type == "cpu" else one_by_one:
            _side_by_side(turn)
        ends = {name: json.loads(out.read_text().splitlines()[-1]) for name, out in outs.items()}
    end, source = ends["default"], ends["source"]
    reached = "" if end["reached"] else f", stopped at {end['accuracy']:.1%}"
    baseline = f"source's recipe, {_where(source)}"
    floors = {"seconds": _arithmetic(preset, end["quizzes"]), "quizzes": (None, "")}
    for unit, key in (("s", "seconds"), ("quizzes", "quizzes")):
        yield Row(
            "time to 95 %",
            f"{preset}: default recipe{reached}",
            end[key],
            unit,
            baseline,
            source[key],
            *floors[key],
            better="less",
        )


def _arithmetic(preset: str, quizzes: int) -> tuple[float, str]:
    """Seconds that learning from so many quizzes takes at the speed of a large product."""
    config = presets[preset]()
    if device().type == "cpu":
        torch.set_num_threads(1)  # as a recipe has
    flops, ceiling = learning_flops(config.world, config.model), matrix_flops(working_dtype())
    words = f"{flops / 1e6:,.0f} MFLOP a quiz at {ceiling / 1e9:,.0f} GFLOP/s"
    return quizzes * flops / ceiling, words


def _side_by_side(commands: Mapping[str, Sequence[str]]) -> None:
    """Run commands until all have ended; when one fails, or this is interrupted, none goes on."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
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


def _command(name: str, preset: str, minutes: float, out: Path) -> list[str]:
    place = ["--recipe", name, "--preset", preset, "--minutes", str(minutes), "--out", str(out)]
    return [sys.executable, "-m", __spec__.name, *place]


def main() -> None:
    """One recipe to a file, or both as rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="budget of a recipe")
    parser.add_argument("--recipe", choices=list(recipes), help="only this one")
    parser.add_argument("--agent", type=int, default=0, help="which agent's weights and quizzes")
    parser.add_argument("--out", type=Path, help="where the lines of one recipe go")
    parser.add_argument(
        "--preset", default="compact", choices=list(presets), help="whose world and size of network"
    )
    given = parser.parse_args()
    if given.recipe:
        keep_freed_memory()
        if not given.out:
            parser.error("--recipe needs --out")
        _learn(given)
        return
    for row in rows(False, given.minutes, given.preset):
        print(json_text(row.as_dict()))


def _learn(given: argparse.Namespace) -> None:
    """One recipe; interrupted, the same command goes on from the agent beside the lines."""
    kept = given.out.with_suffix(".agent")
    with given.out.open("a" if kept.exists() else "w") as file:
        config, budget = presets[given.preset](), 60 * given.minutes
        for line in learn(given.recipe, given.agent, config, budget, kept=kept):
            file.write(json_text(line) + "\n")
            file.flush()
    shutil.rmtree(kept, ignore_errors=True)


if __name__ == "__main__":
    main()
