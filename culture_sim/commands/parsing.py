"""Mistakes on the command line in one line, like every other error, instead of tyro's box."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

from world.core.errors import UserError

BOX = re.compile(r"[─━│╭╮╰╯|]|-{4,}")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn a refusal by tyro within the block into a UserError."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            yield
    except SystemExit as ended:
        if not ended.code:
            raise
        raise UserError(_gist(said.getvalue())) from None


def _gist(text: str) -> str:
    """What a box says, without its frame, title and pointers to the help."""
    lines = [BOX.sub("", line).strip() for line in text.splitlines()]
    lines = [line for line in lines[1:] if line and not line.startswith("For full helptext")]
    gist = " ".join(lines).replace("Error parsing options.", "option ")
    gist = re.sub(r"\s+", " ", gist)
    # Our own refusals name the option themselves; tyro's go on with its helptext and its types.
    gist = re.sub(r"^option (\w+): (?=.*\b\1\.)", "", gist)
    gist = re.sub(r" Argument helptext:.*", "", gist)
    gist = re.sub(r": no type matching .* instantiated from \['?(.*?)'?\].*", r": not \1", gist)
    return gist or "these arguments cannot be read; see --help"
