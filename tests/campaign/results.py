"""What a campaign has tried so far: counted by kind, kept in a file, shown as a table."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.campaign.judge import Verdict
from tests.campaign.kinds import KINDS, Case

KEPT = 20
"""Failures of a kind that are kept with all that was said."""


@dataclass
class Results:
    """Counts of a campaign under a seed.

    tried, failed: cases by kind. counts: by kind, what was counted in them. failures: by the name
    of the case, the first of each kind.
    """

    seed: int
    tried: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def resumed(cls, file: Path | None, seed: int) -> Results:
        """Those in a file, if they are of the same seed, or none."""
        if file is not None and file.exists():
            tree = json.loads(file.read_text())
            if tree["seed"] == seed:
                names = ("seed", "tried", "failed", "counts", "failures", "seconds")
                return cls(**{name: tree[name] for name in names})
        return cls(seed)

    def next_case(self, kinds: Iterable[str]) -> Case:
        """The next case of the kind that is furthest behind its share."""
        kind = min(kinds, key=lambda name: (self.tried.get(name, 0) + 1) / KINDS[name].share)
        return Case(kind, self.tried.get(kind, 0), self.seed)

    def add(self, case: Case, verdict: Verdict) -> None:
        """Count a case."""
        self.tried[case.kind] = self.tried.get(case.kind, 0) + 1
        counts = self.counts.setdefault(case.kind, {})
        for what, number in verdict.counts.items():
            counts[what] = counts.get(what, 0) + number
        if verdict.faults:
            self.failed[case.kind] = self.failed.get(case.kind, 0) + 1
            if self.failed[case.kind] <= KEPT:
                self.failures[case.name] = {"seed": case.seed, **verdict.as_dict()}

    def save(self, file: Path) -> None:
        """Write all of it, in one step."""
        where = {"python": platform.python_version(), "platform": platform.platform()}
        aside = file.with_name(f".{file.name}.tmp")
        aside.write_text(json.dumps({**vars(self), **where}, indent=1) + "\n")
        os.replace(aside, file)

    def table(self) -> str:
        """A line for each kind that was tried, in Markdown."""
        lines = ["| kind | cases | of which failed | counted |", "|---|---|---|---|"]
        for name, kind in KINDS.items():
            if name in self.tried:
                counts = ", ".join(f"{n:,} {what}" for what, n in self.counts[name].items())
                failed = self.failed.get(name, 0)
                lines.append(f"| {kind.about} | {self.tried[name]:,} | {failed:,} | {counts} |")
        return "\n".join(lines)
