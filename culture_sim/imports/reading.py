"""Files of strangers: bounded in size, and read as tensors and numbers alone."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from world.core.errors import UserError

MOST_WEIGHTS = 2 << 30
"""Bytes of an agent's or SAE's file: the largest network of the source, of 352M numbers, has 1.4
billion."""
MOST_QUIZZES = 1 << 30
"""Bytes of a file of quizzes that were kept: 300,000 of them."""


def refuse_larger(path: Path, most: int) -> None:
    """Raise UserError for a file of more bytes than that, or none at all."""
    if not path.is_file():
        raise UserError(f"{path} is no file")
    if (size := path.stat().st_size) > most:
        raise UserError(f"{path} has {size:,} bytes; of its kind {most:,} are read at most")


def read_saved(path: Path, most: int) -> Any:
    """What ``torch.save`` wrote, if it is tensors, numbers and plain containers; on the CPU.

    most: bytes of the file, and of what is packed in it. Raises UserError, with nothing run, for a
    file that holds anything else, is damaged, or is none of ``torch.save``.
    """
    refuse_larger(path, most)
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise UserError(f"{path} is no file that torch.save writes, or is damaged") from None
    if unpacked > most:
        raise UserError(f"{path} unpacks to {unpacked:,} bytes; {most:,} are read at most")
    try:
        # Tensors and plain containers alone: whatever else a pickle asks for is refused unrun.
        with warnings.catch_warnings(action="ignore"):  # PyTorch's doubts about damaged files
            return torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:
        raise UserError(
            f"{path} is damaged, or holds more than tensors and numbers, which could run code "
            f"({type(error).__name__}); it is not read"
        ) from None


def refuse_other_type(path: Path, name: str, value: object, shape: tuple[int, ...]) -> None:
    """Raise UserError unless a value is a float32 tensor; shape: that it should have."""
    if not isinstance(value, Tensor) or value.dtype != torch.float32:
        kind = str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
        raise UserError(f"{path}: {name} must be float32 {list(shape)}, got {kind}")


def refuse_other_floats(path: Path, name: str, value: Any, shape: tuple[int, ...]) -> None:
    """Raise UserError unless a value is a plain float32 tensor of a shape, all of it finite."""
    refuse_other_type(path, name, value, shape)
    if not is_plain(value):
        raise UserError(f"{path}: {name} is no plain tensor ({value.layout}, {value.device})")
    if tuple(value.shape) != shape:
        raise UserError(f"{path}: {name} must have shape {list(shape)}, got {list(value.shape)}")
    if not bool(value.isfinite().all()):
        raise UserError(f"{path}: {name} holds numbers that are not finite")


def is_plain(tensor: Tensor) -> bool:
    """Whether its numbers are all there, one beside another."""
    return tensor.layout == torch.strided and tensor.device.type == "cpu"
