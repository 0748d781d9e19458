"""`culture-sim` and `python -m culture_sim`: imports nothing heavy until it can be interrupted."""

from __future__ import annotations

import sys
from typing import NoReturn

from culture_sim.siblings import taken_name


def main() -> NoReturn:
    """Run the command line and exit; an interruption while it loads ends in one line too."""
    if taken := taken_name():
        print(f"culture-sim: error: {taken}", file=sys.stderr)
        sys.exit(2)
    from culture_sim.launch.exit import exit_now
    from culture_sim.launch.memory import keep_freed_memory
    from culture_sim.launch.output import complain, flushed, open_outputs

    open_outputs()
    keep_freed_memory()  # some commands work in this process
    try:
        from culture_sim.cli import main as run

        code = run()
    except SystemExit as ended:  # after --help
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        complain("interrupted")
        code = 130
    exit_now(flushed(code))


if __name__ == "__main__":
    main()
