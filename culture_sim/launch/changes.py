"""Which options of a run may still be changed: those that something is still to be made with.

docs/run.md has the rule as a table. What is finished keeps with it what it was made with, so a
change is harmless to it; but a run whose options claimed what nothing was made with would mislead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from culture_sim.features.folders import dictionary_configs
from culture_sim.run.config import RunConfig, config_to_dict
from culture_sim.run.progress import round_done, stored_round, training_done
from culture_sim.run.run import Run
from sae.artifacts import plain, read_record
from sae.config import TrainingOptions
from world.core.errors import UserError
from world.core.options import to_tree

EXTENDING = ("train.target", "train.max_quizzes")
"""Options by which agents that are done come to train on."""
MIXING = ("trains_on", "repeats", "max_share", "restart_quota", "transfer_quizzes", "least_yield")
"""Options of culture that matter after a round's quizzes are stored."""
OF_SAES = tuple(f"sae.{option.name}" for option in fields(TrainingOptions))


def changed_options(before: RunConfig, now: RunConfig) -> list[str]:
    """The options in which two configurations differ, such as "rounds", "world", "train.target"."""
    earlier = _flat(before)
    return [option for option, value in _flat(now).items() if earlier[option] != value]


def _flat(config: RunConfig) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config_to_dict(config).items():
        if name in ("train", "culture", "sae"):
            flat |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            flat[name] = value
    return flat


def flag_of(option: str) -> str:
    """How an option is given."""
    return f"--{option.replace('_', '-')}"


def refuse_changes(earlier: Run, config: RunConfig, takes: Sequence[str], command: str) -> None:
    """Raise UserError, naming the way out, where a command is given other options of a run than
    it can take, or others that would change nothing but what the run claims.

    takes: the sections of the configuration that the command is for.
    """
    changed = changed_options(earlier.config, config)
    foreign = [option for option in changed if option.partition(".")[0] not in takes]
    if foreign:
        raise UserError(
            f"{command} takes no {flag_of(foreign[0])}, in which the options given differ from "
            f"those of {earlier.path}; leave it as it is there, or choose another --run"
        )
    if not any(earlier.agent_state(agent) for agent in earlier.agents):
        return
    run = replace(earlier, config=config)
    rounds = range(1, config.rounds + 1) if "culture" in takes else range(0)
    _refuse_fewer_rounds(run, changed)
    training = [*range(not training_done(run, 0)), *(n for n in rounds if not round_done(run, n))]
    _refuse_of_training(run, changed, bool(training))
    _refuse_of_culture(run, changed, training)
    if not training and any(option in OF_SAES for option in changed):
        _refuse_other_saes(run)


def _refuse_fewer_rounds(run: Run, changed: Sequence[str]) -> None:
    if "rounds" in changed and stored_round(run, run.config.rounds + 1).exists():
        raise UserError(
            f"{run.path} has more than {run.config.rounds} rounds already, and --rounds would not "
            f"undo them; choose another --run"
        )


def _refuse_of_training(run: Run, changed: Sequence[str], training: bool) -> None:
    of_training = [
        option
        for option in changed
        if option.startswith("train.") and option not in EXTENDING and not _as_made(run, option)
    ]
    if of_training and not training:
        raise UserError(
            f"the agents of {run.path} are trained: {flag_of(of_training[0])} would change nothing "
            f"of them; to train them on with it, raise --train.target, --train.max-quizzes or, in "
            f"culture-round, --rounds; to train others, choose another --run"
        )


def _as_made(run: Run, option: str) -> bool:
    """Whether all agents were last trained with an option as it is now, which a command that
    failed may have changed."""
    now = plain(_flat(run.config)[option])
    made = [state.made for agent in run.agents if (state := run.agent_state(agent))]
    name = option.removeprefix("train.")
    return all(m and m[-1]["options"].get("train", {}).get(name) == now for m in made)


def _refuse_of_culture(run: Run, changed: Sequence[str], training: Sequence[int]) -> None:
    """training: the rounds that are not over, 0 for the training before them."""
    of_culture = [option for option in changed if option.startswith("culture.")]
    if all(stored_round(run, number).exists() for number in range(1, run.config.rounds + 1)):
        mixing = [f"culture.{name}" for name in MIXING] if training else []
        of_culture = [option for option in of_culture if option not in mixing]
        if of_culture:
            raise UserError(
                f"the rounds of {run.path} are held: {flag_of(of_culture[0])} would change nothing "
                f"of them; for a further round with it, raise --rounds (now {run.config.rounds}); "
                f"to hold others, choose another --run"
            )


def _refuse_other_saes(run: Run) -> None:
    """SAEs of these agents that are there and were trained with other options."""
    for dictionary in dictionary_configs(run.config):
        folder = run.path / "sae" / dictionary.site / dictionary.name
        wanted = plain(to_tree(dictionary))
        for path in sorted(folder.glob("*/*/training.json")):
            made_from = (read_record(path) or {}).get("made_from", wanted)
            other = [f"sae.{key}" for key, value in wanted.items() if made_from.get(key) != value]
            if other and not _out_of_date(run, path, made_from):
                raise UserError(
                    f"the SAEs in {folder} are trained with another {flag_of(other[0])}; remove "
                    f"{folder} to train them again, or choose another --run, such as a copy of "
                    f"the folder"
                )


def _out_of_date(run: Run, record: Path, made_from: Mapping[str, Any]) -> bool:
    """Whether an SAE is of other weights than the agent has now, so that it is trained again."""
    from sae.dictionaries.slots import fingerprint  # which loads sae_lens

    agent = int(record.parts[-3])
    known = agent in run.agents and run.agent_state(agent) is not None
    return known and fingerprint(run.load_agent(agent)) != made_from.get("agent")
