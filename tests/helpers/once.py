"""What is made once in a session, however many processes its tests run in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this process that has what ``make`` leaves in the folder that it is given.

    The first process to ask makes it, the others wait; each has a copy, to do with as it likes.
    """
    ours = factory.getbasetemp()
    common = ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours
    whole = common / f"made-{name}" / name
    with FileLock(common / f"{name}.lock"):
        if not whole.exists():
            begun = common / f"begun-{name}"
            make(begun / name)
            begun.rename(whole.parent)
    return shutil.copytree(whole, factory.mktemp("runs") / name)
