"""Break a tiny run in many ways, again and again, and judge what the commands make of it.

Run: python -m tests.campaign --minutes 30 --seed 0. A seed and a case's name give the same case;
only the moment of a kill depends on how fast the machine is. With --out the campaign goes on where
an earlier one with the same file and seed ended, or was interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys

from setproctitle import getproctitle


def main() -> int:
    """Run the command; returns its exit code."""
    getproctitle()  # workers change it, and its place is looked for beside the environment
    # Sums of several threads are in another order. Libraries read this when they are loaded.
    os.environ["OMP_NUM_THREADS"] = "1"
    return int(importlib.import_module("tests.campaign.command").main())


if __name__ == "__main__":
    sys.exit(main())
