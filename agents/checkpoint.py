"""Checkpoints that survive a kill at any moment: a directory written aside, then renamed.

Safetensors and JSON only, so that opening somebody's agent never runs their code. While the
swap is under way the earlier checkpoint stands beside the final place, and recover() puts it
back if the process died in between. A checkpoint may be a link: all this then happens where it
leads.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor

from world.core.errors import UserError
from world.core.files import (
    GONE,
    behind_links,
    checked_json,
    file_hash,
    hashes_of,
    let_umask_decide,
    parse_json,
)

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
    path = behind_links(path)
    fresh, earlier = _beside(path, "tmp"), _beside(path, "old")
    fresh.mkdir(parents=True)
    _write_tensors(fresh / MODEL, model)
    _write_tensors(fresh / OPTIMIZER, optimizer)
    hashes = hashes_of(fresh, HASHES)
    state = {**state, **{HASHES[name]: hashes[name] for name in HASHES}}
    (fresh / STATE).write_text(checked_json(state), "utf-8")
    files = list(fresh.iterdir())
    let_umask_decide(*files)
    for file in files:
        _flush(file)
    if path.exists():
        os.rename(path, earlier)
    os.rename(fresh, path)
    _flush(path.parent)
    shutil.rmtree(earlier, ignore_errors=True)


def recover(path: Path) -> None:
    """Finish or undo a swap that was cut off. Call it only while holding the agent's lock.

    Raises UserError where no checkpoint can be: at a file, at a link that leads nowhere, and where
    another disk is mounted, whose folder cannot be renamed.
    """
    path = behind_links(path)
    if path.is_mount() or (path.exists() and not path.is_dir()):
        raise UserError(
            f"{path} is {'where a disk is mounted' if path.is_mount() else 'a file'}, and an "
            f"agent's folder cannot be there; remove it, or link to a folder on that disk"
        )
    earlier = _beside(path, "old")
    if path.exists():
        shutil.rmtree(earlier, ignore_errors=True)
    elif earlier.exists():
        os.rename(earlier, path)
    shutil.rmtree(_beside(path, "tmp"), ignore_errors=True)


def read_state(path: Path) -> dict[str, Any] | None:
    """The state of the checkpoint at ``path`` (or of the one being swapped), or None.

    Raises UserError when it is damaged, or lost from beside the weights.
    """
    path = behind_links(path)
    # The path once more at the end: the swap may have ended between the first two looks.
    for candidate in (path, _beside(path, "old"), path):
        with suppress(*GONE):
            content = (candidate / STATE).read_bytes()
            return parse_json(candidate / STATE, content, _again(path))
    if (path / STATE).is_dir():
        raise _damaged(path / STATE, "a folder is in its place")
    # Twice: the first look may be into the earlier checkpoint while it is being removed.
    if all(_lacks_state(path) for _ in range(2)):
        raise _damaged(path / STATE, "not there beside the weights")
    return None


def _lacks_state(path: Path) -> bool:
    """Whether there are weights without a state."""
    with suppress(FileNotFoundError, NotADirectoryError):
        names = os.listdir(path)
        return MODEL in names and STATE not in names
    return False


def read_model(path: Path) -> dict[str, Tensor]:
    """The evaluated weights; raises UserError when the file is damaged."""
    return _read_tensors(path, MODEL)


def read_optimizer(path: Path) -> dict[str, Tensor]:
    """Raw weights and optimiser state; raises UserError when the file is damaged."""
    return _read_tensors(path, OPTIMIZER)


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
    except (safetensors.SafetensorError, OSError) as error:
        raise _damaged(path / name, error) from None
    # A bit that flipped on the disk leaves a file that opens, and another agent.
    if file_hash(path / name) != (read_state(path) or {}).get(HASHES[name]):
        raise _damaged(path / name, "its hash is not the one in state.json")
    return tensors


def _damaged(path: Path, error: object) -> UserError:
    return UserError(f"{path} is damaged or missing ({error}); {_again(path.parent)}")


def _again(path: Path) -> str:
    return f"remove {path} to train that agent again"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.name}.{suffix}")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
