"""`culture-sim` and `python -m culture_sim`: imports nothing heavy until it can be interrupted."""

from __future__ import annotations

from typing import NoReturn

from culture_sim.launch.exit import exit_now
from culture_sim.launch.output import complain, flushed, open_outputs


def main() -> NoReturn:
    """Run the command line and exit; an interruption while it loads ends in one line too."""
    open_outputs()
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
