"""Writing results so that a reader never meets half a file: aside first, then renamed."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pandas as pd


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet."""
    aside = _aside(path)
    table.to_parquet(aside, index=False)
    os.replace(aside, path)


def write_json(path: Path, tree: Any, indent: int | None = 1) -> None:
    """Write JSON; figures that are not finite become null, as JSON has no other name for them."""
    aside = _aside(path)
    aside.write_text(json.dumps(_finite(tree), indent=indent, allow_nan=False) + "\n")
    os.replace(aside, path)


def _aside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.tmp")


def _finite(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key): _finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in tree]
    if isinstance(tree, float) and not math.isfinite(tree):
        return None
    return tree
