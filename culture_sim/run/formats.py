"""Which number formats a run's products are in: one process decides, all others do as it does.

The decision is kept in precision.json and taken again on a machine of the same kind, so that an
interrupted run goes on as it would have.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import torch
from accelerate.utils import broadcast_object_list

from agents.precision import Formats, choose_formats, process_state
from culture_sim.run.environment import processor
from culture_sim.run.run import Run
from world.core.files import read_json, write_json

RECORD = "precision.json"
LEARNING = ("train", "round")
"""Stages that change agents, by their first words."""


def agreed(run: Run, stage: str) -> Run:
    """The run with ``formats``, the same in every process of the stage; all must call it."""
    said: list[Formats | None] = [None]
    if process_state().is_main_process:
        said = [_decided(run, stage)]
    broadcast_object_list(said)
    return replace(run, formats=said[0])


def formats_here(run: Run) -> Formats:
    """The formats of a run on this machine: those recorded on one of its kind, or chosen now."""
    asked, record = run.config.train.precision, _record(run)
    if record.get("asked") == asked and record.get("machine") == machine():
        return Formats(**record["formats"])
    return choose_formats(run.config.train, process_state().device)


def machine() -> str:
    """What products are as fast as, and round as, on this one."""
    device = process_state().device
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"{processor()}, {torch.backends.cpu.get_cpu_capability()}"
    return f"{name}, torch {torch.__version__}"


def _record(run: Run) -> dict[str, Any]:
    path = run.path / RECORD
    return read_json(path, "remove it") if path.exists() else {}


def _decided(run: Run, stage: str) -> Formats:
    """The formats of a stage; those that agents learn in are recorded, and said in a line."""
    formats = formats_here(run)
    if stage.partition("-")[0] in LEARNING:
        run.log("precision", note=_note(run, formats), done=True)
        record = {
            "formats": asdict(formats),
            "asked": run.config.train.precision,
            "machine": machine(),
        }
        write_json(run.path / RECORD, record)
    return formats


def _note(run: Run, formats: Formats) -> str:
    how = "measured" if run.config.train.precision == "auto" else "asked for"
    earlier = _record(run).get("formats", asdict(formats))
    note = f"{formats} ({how})"
    if earlier == asdict(formats):
        return note
    return f"{note}; until now this run's agents learned with {Formats(**earlier)}"
