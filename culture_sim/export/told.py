"""What the cards of agents, SAEs and features tell of the run that these are from."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub.repocard_data import CardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from agents.evaluation import Evaluation
from culture_sim.culture.store import CultureStore
from culture_sim.presets import presets
from culture_sim.run.config import config_to_dict
from culture_sim.run.lookup import CopyingScores, LookupScores, read_lookup
from culture_sim.run.run import Run
from world.core.files import json_text
from world.core.options import to_tree

PACKAGES = ("culture-sim", "torch", "transformers", "transformer-lens", "sae-lens")
NONE = "-"
"""Where there is no figure."""
Tree = Mapping[str, Any]


def write_card(
    folder: Path,
    run: Run,
    agents: Sequence[int],
    command: Sequence[str],
    data: CardData,
    **told: Any,
) -> None:
    """Write README.md.

    agents: those that the folder holds something of. command: the words that write the same again,
    without places; the first names the template. data: the card's metadata. told: what only this
    template speaks of.
    """
    environment = Environment(
        loader=PackageLoader("culture_sim.export", "cards"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(percent=_percent, interval=_interval)
    text = environment.get_template(f"{command[0]}.md.jinja").render(
        card_data=data.to_yaml(),
        run=run,
        world=run.config.world,
        options=_words(to_tree(run.config.world)),
        agents=_agents(run, agents),
        lookup=read_lookup(run),
        rounds=_rounds(run),
        made_by=_made_by(run),
        command=shlex.join(["culture-sim", "export", *command, "--out", "FOLDER"]),
        versions={name: importlib.metadata.version(name) for name in PACKAGES},
        python=platform.python_version(),
        **told,
    )
    (folder / "README.md").write_text(text, "utf-8")


def run_record(run: Run, kind: str) -> dict[str, Any]:
    """What the record of every export from a run holds, in JSON's types."""
    tree = {
        "version": importlib.metadata.version("culture-sim"),
        "kind": kind,
        "run": run.path.name,
        "preset": run.preset,
        "options": config_to_dict(run.config),
        "vocab": run.config.world.vocab,
    }
    return dict(json.loads(json_text(tree)))


def _agents(run: Run, agents: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By number, what was measured of each agent that has been examined, and by task."""
    told = {}
    for agent in agents:
        state = run.agent_state(agent)
        if state is not None and (last := state.final_test or state.test) is not None:
            told[agent] = {
                "test": state.test,
                "fresh": state.final_test,
                "recombined": state.recombined,
                "other_scenes": state.other_scenes,
                "new_objects": state.new_objects,
                "by_task": last.accuracy_by.get("task", {}),
                "quizzes": "unknown" if state.imported else f"{state.quizzes:,}",
                "rounds": state.round,
            }
    return told


def _rounds(run: Run) -> list[dict[str, Any]]:
    """What the store says of each culture round."""
    store, rounds = CultureStore(run.path / "culture"), []
    for number in store.rounds():
        table = store.table(number)
        words = {key: sorted(set(table[key].to_pylist())) for key in ("rule", "method")}
        kept = sum(table["keep"].to_pylist())
        rounds.append({"round": number, "voted": len(table), "kept": kept, **words})
    return rounds


def _made_by(run: Run) -> str | None:
    """The command that makes such a run; None where no preset is at its beginning."""
    if run.preset not in presets:
        return None
    usual = config_to_dict(presets[run.preset]())
    flags = _flags(json.loads(json_text(config_to_dict(run.config))), json.loads(json_text(usual)))
    words = ["culture-sim", "culture", "--preset", run.preset, "--run", run.path.name]
    return shlex.join([*words, *flags])


def _flags(tree: Tree, usual: Tree, path: str = "") -> Iterator[str]:
    """The flags by which options differ from those of a preset."""
    if tree.get("name") != usual.get("name"):
        yield from (f"--{path[:-1]}", tree["name"])
        usual = {"name": tree["name"]}
    for key, value in tree.items():
        if key != "name" and (key not in usual or value != usual[key]):
            yield from _flag(f"{path}{key.replace('_', '-')}", value, usual.get(key))


def _flag(name: str, value: Any, usual: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _flags(value, usual if isinstance(usual, Mapping) else {}, f"{name}.")
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        yield from (f"--{name}", *(item["name"] for item in value))
        for item in value:
            known = [other for other in usual or () if other["name"] == item["name"]]
            within = f"{name}.{item['name'].replace('_', '-')}."
            yield from _flags(item, known[0] if known else {"name": item["name"]}, within)
    elif isinstance(value, bool):
        section, _, last = name.rpartition(".")
        yield f"--{section}{'.' if section else ''}{'' if value else 'no-'}{last}"
    elif isinstance(value, list):
        yield from (f"--{name}", *map(str, value))
    elif value is not None:
        yield from (f"--{name}", str(value))


def _words(tree: Tree) -> dict[str, str]:
    """Options in words."""
    return {
        key.replace("_", " "): ", ".join(map(str, value)) if isinstance(value, tuple) else value
        for key, value in tree.items()
        if key != "name"
    }


def _percent(value: Evaluation | float | None) -> str:
    share = value.accuracy if isinstance(value, Evaluation) else value
    return NONE if share is None else f"{share:.1%}"


def _interval(value: Evaluation | LookupScores | CopyingScores | None) -> str:
    return NONE if value is None else f"{100 * value.low:.1f} to {100 * value.high:.1f}"
