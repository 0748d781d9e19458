"""`culture-sim` and `python -m culture_sim`: imports nothing heavy until it can be interrupted."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; an interruption while it loads ends in one line too."""
    try:
        from culture_sim.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("culture-sim: error: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
