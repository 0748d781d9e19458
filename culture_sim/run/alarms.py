"""Alarms of training, as metrics.jsonl has them: what agents should be looked at for."""

from __future__ import annotations

from typing import Any

from culture_sim.run.run import Run, parse_line

STAGE = "alarm"
"""Of the entries of alarms."""
DIVERGENCE, COLLAPSE, STANDSTILL = "divergence", "collapse", "standstill"
"""Training that was given up, accuracy that stays far below its best, and one that never rises."""
KEYS = ("agent", "round", "quizzes", "kind", "text")


def raise_alarm(run: Run, kind: str, agent: int, round_: int, quizzes: int, text: str) -> None:
    """Log an alarm about an agent in a round, after so many quizzes."""
    run.log(STAGE, kind=kind, agent=agent, round=round_, quizzes=quizzes, text=text)


def training_alarms(run: Run) -> list[dict[str, Any]]:
    """Every alarm once, in the order in which they were first raised: what KEYS name."""
    path = run.path / "metrics.jsonl"
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        entry = parse_line(line)
        if entry is not None and entry.get("stage") == STAGE:
            alarm = {key: entry.get(key) for key in KEYS}
            found.setdefault(tuple(alarm.values()), alarm)
    return list(found.values())
