"""Names of folders that other programs can read: some characters mean something else to them.

Hugging Face datasets, fsspec, DuckDB, polars and shells take ``*?[]{}!`` for patterns; ``$`` and a
leading ``~`` are replaced by what the environment says; ``::`` and ``name:`` begin an address; a
name that ends in ``.py`` is taken for a script. What has such a name is written and then not found.
What a run may be called besides is in ``culture_sim.run.places``.
"""

from __future__ import annotations

from pathlib import Path

from world.core.errors import UserError

PATTERNS = "*?[]{}!$"
"""Characters that are not read as themselves, wherever they stand in a path."""


def refuse_unreadable(option: str, path: Path) -> None:
    """Raise UserError for a folder to be made that other programs would not find by its path.

    option: the flag that gave the path, for the message.
    """
    for part in path.parts:
        odd = "".join(sorted({c for c in part if c in PATTERNS or not c.isprintable()}))
        if odd or "::" in part:
            raise _refusal(option, part, f"{odd or '::'!r} in a path")
    name = path.name
    if name.startswith("~") or ":" in name or name.endswith(".py"):
        raise _refusal(option, name, "a leading '~', a ':', or '.py' at the end")


def _refusal(option: str, part: str, what: str) -> UserError:
    return UserError(
        f"{option}: {part!r} would not be found by programs that read it: to them {what} means "
        f"something else; take letters, digits, '-' and '_'"
    )
