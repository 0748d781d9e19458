"""Run benchmarks, each in a process of its own; print a table, and write the rows as JSON.

Run: python -m benchmarks [names] [--out bench.json] [--markdown]
On a GPU that is lent for minutes: python -m benchmarks gpu [--minutes 9]
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.tables import HEADER, cells, markdown
from culture_sim.launch.memory import keep_freed_memory
from culture_sim.run.environment import environment
from world.core.files import write_json

NAMES = (
    "world_generation",
    "training",
    "generation",
    "voting",
    "harvest",
    "sae_training",
    "correlation",
    "comparing",
    "memory",
    "time_to_target",
)
console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; returns the exit code."""
    given = _parse(arguments)
    if given.inside:
        keep_freed_memory()
        rows = importlib.import_module(f"benchmarks.{given.names[0]}").rows(given.quick)
        write_json(given.out, [row.as_dict() for row in rows])
        return 0
    found: list[dict[str, Any]] = []
    began = time.time()
    for name in given.names or NAMES:
        console.print(f"{name} ...", style="dim", highlight=False)
        found += _run(name, given.quick)
        tree = {"environment": environment(), "seconds": time.time() - began, "rows": found}
        write_json(given.out, tree)
    if given.markdown:
        print(markdown(found))
    else:
        console.print(table(found))
    console.print(f"{len(found)} rows in {time.time() - began:.0f} s, written to {given.out}")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = ", ".join(NAMES)
    parser.add_argument("names", nargs="*", metavar="name", help=f"all by default: {known}")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="rows as JSON")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything run?")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"unknown: {', '.join(unknown)}; known: {known}")
    return given


def _run(name: str, quick: bool) -> list[dict[str, Any]]:
    """The rows of one benchmark, measured on one thread in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.json"
        flags = ["--quick"] if quick else []
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks", name, "--inside", "--out", str(out), *flags],
            check=False,
            # What libraries say is of interest only if something went wrong.
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        if ended.returncode:
            print(ended.stderr, file=sys.stderr)
            sys.exit(f"benchmark {name} failed; what it said is above")
        return list(json.loads(out.read_text()))


def table(rows: list[dict[str, Any]]) -> Table:
    """The rows for a terminal."""
    made = Table(*HEADER[:-1])
    for row in rows:
        made.add_row(*cells(row)[:-1])
    return made
