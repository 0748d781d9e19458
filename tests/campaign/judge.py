"""One judge for all kinds of fault: how a command may end, and what it may have done by then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.campaign.start import Ended
from world.core.errors import ERROR_PREFIX

TRACE = "Traceback (most recent call last)"
UNEXPLAINED = "ended unexpectedly"
"""What a launcher says of a worker that said nothing itself."""
DONE, REFUSED, INTERRUPTED = 0, 2, 130
FIRST = 5
SHOWN = 3000
"""Characters of what a command said that are kept of a failure, from its end."""


@dataclass
class Verdict:
    """What was found in one case.

    faults: what is wrong, a line each; none when all is well. commands: those that ran, with what
    the last of them said. counts: what else was tried and counted in it, such as kills.
    """

    faults: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    said: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, number: int = 1) -> None:
        """Count something that was tried."""
        self.counts[what] = self.counts.get(what, 0) + number

    def judge(self, ended: Ended, codes: Collection[int], *named: str) -> bool:
        """Whether a command ended as it may: in time, with one of these codes, without a trace.

        named: words of which one must be in the line that it ends with when it is refused.
        """
        self.commands.append(f"{' '.join(ended.words)}  # ended with {ended.code}")
        faults = _faults(ended, codes, named)
        if faults or not self.faults:
            self.said = f"{ended.out[-SHOWN:]}\n{ended.err[-SHOWN:]}"
        self.faults += faults
        return not faults

    def judge_all(self, wrong: Sequence[str]) -> None:
        """Faults that were found otherwise; the first of them stand for all."""
        more = [f"and {len(wrong) - FIRST} more"] if len(wrong) > FIRST else []
        self.faults += [*wrong[:FIRST], *more]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"faults": self.faults, "commands": self.commands, "said": self.said}


def _faults(ended: Ended, codes: Collection[int], named: Collection[str]) -> list[str]:
    if ended.code is None:
        return ["it hangs"]
    if TRACE in ended.out + ended.err:
        return [f"a trace, and exit code {ended.code}"]
    if ended.code not in codes:
        return [f"exit code {ended.code}: {_last(ended.err)}"]
    if ended.code in (REFUSED, INTERRUPTED):
        return _line_faults(ended.err, named)
    return []


def _line_faults(err: str, named: Collection[str]) -> list[str]:
    """Of the one line on standard error with which a command says why it ended."""
    lines = [line for line in err.splitlines() if line.strip()]
    if len(lines) != 1 or not lines[0].startswith(ERROR_PREFIX):
        return [f"{len(lines)} lines on standard error where one should say what was wrong"]
    if UNEXPLAINED in lines[0] and UNEXPLAINED not in named:
        return [f"not said what was wrong: {lines[0]}"]
    if named and not any(name in lines[0] for name in named):
        return [f"not named: {' or '.join(named)}; said: {lines[0]}"]
    return []


def _last(err: str) -> str:
    return (err.strip().splitlines() or ["nothing was said"])[-1]


def logged_traces(path: Path) -> list[str]:
    """Logs of a run's workers with a trace in them."""
    logs = sorted((path / "logs").glob("*.log"))
    return [
        f"a trace in logs/{log.name}" for log in logs if TRACE in log.read_text(errors="replace")
    ]
