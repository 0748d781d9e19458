"""The campaign as a command: its options, and its cases one after the other."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.campaign.judge import Verdict
from tests.campaign.kinds import KINDS, Case
from tests.campaign.results import Results
from tests.campaign.start import load_libraries, stop_commands
from tests.campaign.tiny import Undisturbed, make


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; returns 1 when a case of it failed."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    load_libraries()
    load_s = time.monotonic() - began
    results = Results.resumed(options.out, options.seed)
    folder = Path(tempfile.mkdtemp(prefix="campaign-"))
    folder.chmod(0o755)  # cases are tried as another user, too
    try:
        undisturbed = make(folder / "undisturbed", load_s)
        print(f"the undisturbed run takes {undisturbed.seconds[False]:.1f} s", flush=True)
        if options.case:
            return _one(options.case, options.seed, undisturbed, folder)
        _all(options, results, undisturbed, folder)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    finally:
        stop_commands()
        shutil.rmtree(folder, ignore_errors=True)
    print(results.table())
    return int(bool(results.failed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.campaign")
    parser.add_argument("--minutes", type=float, default=30.0, help="for how long")
    parser.add_argument("--cases", type=int, help="at most so many")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    told = "; ".join(f"{name}: {kind.about}" for name, kind in KINDS.items())
    parser.add_argument("--only", action="append", choices=KINDS, help=f"only this kind ({told})")
    parser.add_argument("--out", type=Path, help="file for the results, as JSON")
    parser.add_argument("--case", help="only this one, such as kills/17, and all that was said")
    return parser


def _all(
    options: argparse.Namespace, results: Results, undisturbed: Undisturbed, folder: Path
) -> None:
    """Cases until the time is over."""
    until = time.monotonic() + 60 * options.minutes
    tried = 0
    while time.monotonic() < until and tried != options.cases:
        case = results.next_case(options.only or KINDS)
        began = time.monotonic()
        verdict = _tried(case, undisturbed, folder)
        results.add(case, verdict)
        results.seconds += time.monotonic() - began
        tried += 1
        for fault in verdict.faults:
            print(f"{case.name}: {fault}", flush=True)
        if options.out is not None:
            results.save(options.out)


def _tried(case: Case, undisturbed: Undisturbed, folder: Path) -> Verdict:
    """A case in a folder of its own, which is removed afterwards."""
    place = folder / case.name.replace("/", "-")
    place.mkdir()
    try:
        return case.run(undisturbed, place)
    finally:
        stop_commands()
        shutil.rmtree(place, ignore_errors=True)


def _one(name: str, seed: int, undisturbed: Undisturbed, folder: Path) -> int:
    """A single case, told in full."""
    kind, _, number = name.partition("/")
    verdict = _tried(Case(kind, int(number), seed), undisturbed, folder)
    print("\n".join([*verdict.commands, verdict.said, *verdict.faults]))
    return int(bool(verdict.faults))
