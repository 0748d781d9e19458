"""The process of one part: what it finds goes to standard output, a line of JSON each.

Started by benchmarks.gpu.command. What libraries print goes to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import TextIO

from benchmarks.gpu.parts import PARTS, Figures, Note, Part, Setting, one_line
from world.core.files import json_text


def main() -> int:
    """Run the part that is named; returns 1 when it failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--until", type=float, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    with os.fdopen(os.dup(1), "w") as found:
        os.dup2(2, 1)
        setting = Setting(given.until, given.folder, not given.eager, given.tiny)
        return run(PARTS[given.part], setting, found)


def run(part: Part, setting: Setting, found: TextIO) -> int:
    """Write what a part finds, and at last how it failed if it did."""
    try:
        for figure in figures(part, setting):
            said = _as_dict(figure)
            found.write(json_text(said) + "\n")
            found.flush()
    except Exception as error:
        traceback.print_exc()
        found.write(json_text({"failed": one_line(error)}) + "\n")
        return 1
    return 0


def figures(part: Part, setting: Setting) -> Figures:
    """What the part's function gives."""
    module, _, function = part.function.partition(".")
    given: Figures = getattr(importlib.import_module(f"benchmarks.gpu.{module}"), function)(setting)
    return given


def _as_dict(figure: object) -> dict[str, object]:
    if isinstance(figure, Note):
        return {"note": figure.text, "figures": figure.figures}
    return {"row": figure.as_dict()}  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
