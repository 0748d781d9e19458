"""Tables that cannot be read: one line for the user, not a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from sae.files import DAMAGED
from world.core.errors import UserError, first_line


@contextmanager
def damage_named(what: str, remedy: str) -> Iterator[None]:
    """Raise UserError, naming the remedy, when ``what`` is read inside and is damaged."""
    try:
        yield
    except UserError:  # which names it
        raise
    except (pa.ArrowException, *DAMAGED) as error:
        raise UserError(f"{what} damaged ({first_line(error)}); {remedy}") from None
