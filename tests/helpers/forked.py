"""Scripts as processes of their own, forked from the server that has loaded all.

What is begun afresh takes seconds to load its libraries, and most takes less for the rest.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from tests.helpers import launched
from tests.helpers.commands import Ended
from tests.helpers.launched import Launched

LONGEST_S = 600.0
"""Longer than any test may take."""


def run_script(script: str | Path, arguments: Sequence[object], folder: Path) -> Ended:
    """Run a file, or a module that is named with dots, to its end. folder: where it starts."""
    with at_work(script, arguments, folder) as process:
        return process.ended(LONGEST_S)


def at_work(
    script: str | Path,
    arguments: Sequence[object],
    folder: Path,
    variables: Mapping[str, str] | None = None,
) -> AbstractContextManager[Launched]:
    """A file or module that is begun in a folder, and killed if it is left at work.

    variables: of its environment, beside those of this process.
    """
    main = partial(_become, str(script), [*map(str, arguments)])
    return launched.at_work((), folder=folder, variables=variables, main=main)


def _become(script: str, arguments: list[str]) -> None:
    sys.argv = [script, *arguments]
    if script.endswith(".py"):
        runpy.run_path(script, run_name="__main__")
    else:
        runpy.run_module(script, run_name="__main__", alter_sys=True)
