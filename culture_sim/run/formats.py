"""Which number formats a run's products are in: one process decides, all others do as it does.

The decision is kept in precision.json and taken again on a machine of the same kind, so that an
interrupted run goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

import torch
from accelerate.utils import broadcast_object_list

from agents.precision import Formats, choose_formats, process_state
from culture_sim.run.environment import processor
from culture_sim.run.run import Run
from world.core.errors import UserError
from world.core.files import read_json, write_json

RECORD = "precision.json"
LEARNING = ("train", "round")
"""Stages that change agents, by their first words."""


@dataclass(frozen=True)
class Decision:
    """Number formats, for the option ``asked``, on a machine."""

    formats: Formats
    asked: str
    machine: str


def agreed(run: Run, stage: str) -> Run:
    """The run with ``formats``, the same in every process of the stage; all must call it."""
    said: list[Formats | None] = [None]
    if process_state().is_main_process:
        said = [_decided(run, stage)]
    broadcast_object_list(said)
    return replace(run, formats=said[0])


def formats_here(run: Run) -> Formats:
    """The formats of a run on this machine: those recorded on one of its kind, or chosen now."""
    asked, known = run.config.train.precision, _known(run)
    if known and (known.asked, known.machine) == (asked, machine()):
        return known.formats
    return choose_formats(run.config.train, process_state().device)


def machine() -> str:
    """What products are as fast as, and round as, on this one."""
    device = process_state().device
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"{processor()}, {torch.backends.cpu.get_cpu_capability()}"
    return f"{name}, torch {torch.__version__}"


def _known(run: Run) -> Decision | None:
    """The last decision; where its record is lost or damaged, what agents were last made with."""
    with suppress(UserError):
        record = read_json(run.path / RECORD, "")
        return Decision(record["formats"].of(Formats), record["asked"], record["machine"])
    made = [*_of_agents(run)]
    here = [decision for decision in made if decision.machine == machine()]
    return next(iter([*here, *made]), None)


def _of_agents(run: Run) -> Iterator[Decision]:
    for agent in run.agents:
        state = run.agent_state(agent)
        last = state.made[-1] if state is not None and state.made else None
        if last is not None and "train" in last["options"]:  # else it is imported
            asked = last["options"]["train"]["precision"]
            yield Decision(last["precision"].of(Formats), asked, last["machine"])


def _decided(run: Run, stage: str) -> Formats:
    """The formats of a stage; those that agents learn in are recorded, and said in a line."""
    formats = formats_here(run)
    if stage.partition("-")[0] in LEARNING:
        run.log("precision", note=_note(run, formats), done=True)
        decision = Decision(formats, run.config.train.precision, machine())
        write_json(run.path / RECORD, asdict(decision))
    return formats


def _note(run: Run, formats: Formats) -> str:
    how = "measured" if run.config.train.precision == "auto" else "asked for"
    known = _known(run)
    note = f"{formats} ({how})"
    if known is None or known.formats == formats:
        return note
    return f"{note}; until now this run's agents learned with {known.formats}"
