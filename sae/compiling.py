"""Functions compiled by Numba, kept on the disk where that can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles functions which let go of the interpreter.

    options: more of ``numba.njit``. What was compiled is found again by later processes, beside the
    source or in the user's cache. Where neither can be written, as in a container or with another
    user's installation, every process compiles afresh, which takes seconds.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(nogil=True, cache=True, **options)(function)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            return numba.njit(nogil=True, **options)(function)

    return compiled
