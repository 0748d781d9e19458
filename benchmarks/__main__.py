"""Speed of every part beside a baseline; with ``gpu`` first, what one GPU does in minutes.

Run: python -m benchmarks --help; python -m benchmarks gpu --help
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the first word asks for; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Imported when chosen: a machine lent for minutes may lack what the other needs.
    if words[:1] == ["gpu"]:
        return int(importlib.import_module("benchmarks.gpu.command").main(words[1:]))
    return int(importlib.import_module("benchmarks.suite").main(words))


if __name__ == "__main__":
    sys.exit(main())
