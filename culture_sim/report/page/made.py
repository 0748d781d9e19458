"""How each part of a run was made, as it says itself: a run's options may have changed since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from culture_sim.run.run import Run
from sae.artifacts import read_record
from world.core.files import json_text

Tree = Mapping[str, Any]


class Made(NamedTuple):
    """One or several parts that were made alike: what they are, where, with which options."""

    what: str
    where: Tree
    options: str

    @property
    def versions(self) -> str:
        """Of Python and the packages, in words."""
        python = [f"Python {self.where['python']}"] if "python" in self.where else []
        packages = self.where.get("versions", {})
        return ", ".join([*python, *(f"{name} {packages[name]}" for name in packages)])

    @property
    def precision(self) -> str:
        """Number formats in words."""
        formats = self.where.get("precision")
        if not formats:
            return "-"
        return f"{formats['network']} (Newton-Schulz {formats['newton_schulz']})"


def parts_made(run: Run, rounds: Iterable[Tree], comparisons: Iterable[Tree]) -> list[Made]:
    """Training of agents, culture rounds, SAEs and comparisons, in this order.

    rounds: the figures of every round. comparisons: those of every finished comparison.
    """
    return [
        *_alike(_agents(run)),
        *_alike(_rounds(rounds)),
        *_alike(_saes(run)),
        *_alike(_comparisons(comparisons)),
    ]


def _alike(parts: Iterable[tuple[str, str, Tree, Tree]]) -> Iterator[Made]:
    """parts: stage, name, where and options of each; those of a stage that are alike become one."""
    groups: dict[str, tuple[str, list[str], Tree, Tree]] = {}
    for stage, name, where, options in parts:
        key = json_text([stage, where, options], sort_keys=True)
        groups.setdefault(key, (stage, [], where, options))[1].append(name)
    for stage, names, where, options in groups.values():
        yield Made(f"{stage}: {', '.join(names)}", where, json_text(options, indent=1))


def _agents(run: Run) -> Iterator[tuple[str, str, Tree, Tree]]:
    for agent in run.agents:
        state = run.agent_state(agent)
        if state is not None and not state.made:
            yield "training", f"agent {agent}", {}, {}  # by an earlier release
        for entry in state.made if state else ():
            where = {key: value for key, value in entry.items() if key not in ("stage", "options")}
            begun = where.pop("from_quizzes")
            name = f"agent {agent}" + (f" from quiz {begun:,}" if begun else "")
            yield f"training ({entry['stage']})", name, where, entry["options"]


def _rounds(rounds: Iterable[Tree]) -> Iterator[tuple[str, str, Tree, Tree]]:
    for figures in rounds:
        options = {"culture": figures["culture"]}
        yield "culture", f"round {figures['round']}", figures.get("made_on", {}), options


def _saes(run: Run) -> Iterator[tuple[str, str, Tree, Tree]]:
    for path in sorted(run.path.glob("sae/*/*/*/*/training.json")):
        record = read_record(path) or {}
        made_from = record.get("made_from", {})
        of_one = ("agent", "seed", "baseline")
        options = {key: value for key, value in made_from.items() if key not in of_one}
        name = f"agent {path.parts[-3]} ({path.parts[-2]})"
        yield "SAEs", name, record.get("made_on", {}), {"sae": options}


def _comparisons(comparisons: Iterable[Tree]) -> Iterator[tuple[str, str, Tree, Tree]]:
    of_one = ("saes", "quizzes", "seed", "method")
    for summary in comparisons:
        made_from = summary.get("made_from", {})
        options = {key: value for key, value in made_from.items() if key not in of_one}
        name = f"{summary['site']}, {summary['dictionary']}"
        yield "comparison", name, summary.get("made_on", {}), {"sae": options}
