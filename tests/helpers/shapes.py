"""Shapes and types that annotations promise are checked while tests run.

Every function and dataclass of a module that annotates with jaxtyping is checked by beartype, a
function at its first calls in a process of the tests; processes that tests start run as they are.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import no_type_check

from beartype import beartype
from jaxtyping import install_import_hook

ROOT = Path(__file__).parents[2]
PACKAGES = ("world", "agents", "sae", "culture_sim")
CHECKED_CALLS = 100
"""Of every function in a process. The layers of a network are called tens of thousands of times;
to check each call takes a sixth of the time of tests that propose quizzes."""


def check_annotations() -> None:
    """Must be called before a module that is to be checked is imported."""
    install_import_hook(annotated_modules(), f"{__name__}.checked_at_first")


def annotated_modules() -> list[str]:
    """Names of the modules that annotate arrays with their shapes.

    The others gain nothing by checks, and to check each call of theirs would take time.
    """
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    annotated = (file for file in files if "from jaxtyping import" in file.read_text())
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in annotated]


def checked_at_first(promise: Callable) -> Callable:
    """beartype, until the function that makes a promise has been checked often enough.

    promise: jaxtyping's stand-in for a function, of its module, name and annotations, which is
    called to check that function's arguments.
    """
    check, calls = beartype(promise), itertools.count(1)

    @functools.wraps(promise)
    def checked(*arguments: object, **named: object) -> object:
        if next(calls) == CHECKED_CALLS:
            leave_alone(promise.__module__, promise.__qualname__)
        return check(*arguments, **named)

    return checked


def leave_alone(module: str, name: str) -> None:
    """Check a function no more, where its name finds it."""
    if module in sys.modules and "<locals>" not in name:
        found = inspect.unwrap(operator.attrgetter(name)(sys.modules[module]))
        if inspect.isfunction(found := getattr(found, "__func__", found)):
            no_type_check(inspect.unwrap(found))
