"""What each ingredient of the default recipe is worth: every one taken away, over several seeds.

Every run trains one agent until 95 % or the end of its budget, on one thread, as many at a time
as there are cores. Its seconds are those of its processor, so that other work on the machine, or
a pause, does not count; alone on a core they are the seconds of the clock. Runs that ended are
kept in the folder and one that is interrupted goes on from its last epoch. It prints a
Markdown table.

Run: python -m benchmarks.ablations --out runs/ablations --seeds 3 --minutes 20
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.recipes import ABLATIONS
from culture_sim.launch.processes import default_processes

HEADER = (
    "in place of the default",
    "at 95 %",
    "quizzes",
    "processor seconds",
    "accuracy at the end",
)
NAMES = ("default", *ABLATIONS, "source")
console = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the runs that are missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe")
    parser.add_argument("--minutes", type=float, default=20.0, help="budget of a run")
    parser.add_argument("--only", nargs="*", default=NAMES, choices=NAMES, help="recipes")
    parser.add_argument("--quick", action="store_true", help="a tiny network: does it run?")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    places = [(name, seed) for seed in range(given.seeds) for name in given.only]
    with ThreadPoolExecutor(default_processes(len(places))) as pool:
        ends = list(pool.map(lambda place: _end(place[0], place[1], given), places))
    rows = [
        summary(name, [end for (n, _), end in zip(places, ends, strict=True) if n == name])
        for name in given.only
    ]
    lines = [HEADER, ["---"] * len(HEADER), *rows]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return 0


def _end(name: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """How a run ended; made now, unless it was before."""
    path = given.out / f"{''.join(c if c.isalnum() else '-' for c in name)}-{seed}.jsonl"
    if not path.exists():
        aside = path.with_suffix(".part")
        flags = ["--preset", "smoke"] if given.quick else []
        subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.time_to_target", "--recipe", name),
                *("--agent", str(seed), "--minutes", str(given.minutes), "--out", aside),
                *flags,
            ],
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        aside.rename(path)
    end = dict(json.loads(path.read_text().splitlines()[-1]))
    console.print(f"{name}, seed {seed}: {end}", highlight=False)
    return end


def summary(name: str, ends: list[dict[str, Any]]) -> list[str]:
    """A row of the table, under HEADER: medians, with the least and the greatest in brackets."""
    reached = [end for end in ends if end["reached"]]
    return [
        name,
        f"{len(reached)} of {len(ends)}",
        _spread([end["quizzes"] for end in reached], "{:,.0f}"),
        _spread([end["processor_seconds"] for end in reached], "{:.0f}"),
        _spread([end["accuracy"] for end in ends], "{:.1%}"),
    ]


def _spread(values: list[float], form: str) -> str:
    if not values:
        return "-"
    least, greatest = form.format(min(values)), form.format(max(values))
    return f"{form.format(statistics.median(values))} ({least} to {greatest})"


if __name__ == "__main__":
    sys.exit(main())
