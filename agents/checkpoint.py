"""Checkpoints that survive a kill at any moment: a directory written aside, then renamed.

Safetensors and JSON only, so that opening somebody's agent never runs their code. While the
swap is under way the earlier checkpoint stands beside the final place, and recover() puts it
back if the process died in between.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor

from world.core.errors import UserError
from world.core.files import json_text

MODEL = "model.safetensors"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
HASHES = {MODEL: "sha256", OPTIMIZER: "optimizer_sha256"}
"""Keys of the state under which the hashes of the files are kept."""


def save_checkpoint(
    path: Path, model: dict[str, Tensor], optimizer: dict[str, Tensor], state: dict[str, Any]
) -> None:
    """Replace the checkpoint at ``path``; an interruption leaves the earlier one whole."""
    recover(path)
    fresh, earlier = _beside(path, "tmp"), _beside(path, "old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    _write_tensors(fresh / MODEL, model)
    _write_tensors(fresh / OPTIMIZER, optimizer)
    hashes = {HASHES[name]: file_hash(fresh / name) for name in HASHES}
    state = {**state, **hashes}
    (fresh / STATE).write_text(json_text(state, indent=1) + "\n")
    for file in fresh.iterdir():
        _flush(file)
    if path.exists():
        os.rename(path, earlier)
    os.rename(fresh, path)
    _flush(path.parent)
    shutil.rmtree(earlier, ignore_errors=True)


def recover(path: Path) -> None:
    """Finish or undo a swap that was cut off. Call it only while holding the agent's lock."""
    earlier = _beside(path, "old")
    if path.exists():
        shutil.rmtree(earlier, ignore_errors=True)
    elif earlier.exists():
        os.rename(earlier, path)
    shutil.rmtree(_beside(path, "tmp"), ignore_errors=True)


def read_state(path: Path) -> dict[str, Any] | None:
    """The state of the checkpoint at ``path`` (or of the one being swapped), or None."""
    # The path once more at the end: the swap may have ended between the first two looks.
    for candidate in (path, _beside(path, "old"), path):
        try:
            return dict(json.loads((candidate / STATE).read_text()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except ValueError as error:
            raise _damaged(candidate / STATE, error) from None
    return None


def read_model(path: Path) -> dict[str, Tensor]:
    """The evaluated weights; raises UserError when the file is damaged."""
    return _read_tensors(path, MODEL)


def read_optimizer(path: Path) -> dict[str, Tensor]:
    """Raw weights and optimiser state; raises UserError when the file is damaged."""
    return _read_tensors(path, OPTIMIZER)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    try:
        save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    except safetensors.SafetensorError as error:
        # A full disk arrives here as the library's own error; the earlier checkpoint stands.
        shutil.rmtree(path.parent, ignore_errors=True)
        raise UserError(
            f"cannot write {path} ({error}); mend that and run the same command again to go on"
        ) from None


def _read_tensors(path: Path, name: str) -> dict[str, Tensor]:
    try:
        tensors = load_file(path / name)
    except (safetensors.SafetensorError, FileNotFoundError) as error:
        raise _damaged(path / name, error) from None
    # A bit that flipped on the disk leaves a file that opens, and another agent.
    if file_hash(path / name) != (read_state(path) or {}).get(HASHES[name]):
        raise _damaged(path / name, "its hash is not the one in state.json")
    return tensors


def _damaged(path: Path, error: object) -> UserError:
    return UserError(
        f"{path} is damaged or missing ({error}); remove {path.parent} to train that agent again"
    )


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.name}.{suffix}")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
