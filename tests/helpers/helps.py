"""What ``--help`` says, and whether a command line is understood, for many of them in one process.

    python -m tests.helpers.helps < lines.json

Reads a JSON list of command lines (lists of words). Writes a list of [help, error]: the text of
``--help`` beside these words, and what is wrong with them, "" for nothing; nothing is run.
"""

import json
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO

from culture_sim.cli import main
from culture_sim.commands import commands
from culture_sim.commands.parsing import values_of
from world.core.errors import UserError
from world.core.plugins import load_plugins


def help_of(words: list[str]) -> str:
    """What is printed, in one line."""
    out = StringIO()
    with redirect_stdout(out), suppress(SystemExit):
        main([*words, "--help"])
    return " ".join(out.getvalue().replace("│", "").split())


def error_of(words: list[str]) -> str:
    """Why a command line is refused."""
    name, *arguments = words
    try:
        load_plugins(values_of("--plugin", arguments))
        commands[name].parse(arguments, name, "")
    except UserError as error:
        return str(error)
    except SystemExit:
        return ""  # it asks for help
    return ""


if __name__ == "__main__":
    lines = json.load(sys.stdin)
    known: dict[tuple[str, ...], list[str]] = {}
    with redirect_stdout(sys.stderr):  # plugins may print
        for words in map(tuple, lines):
            if words not in known:
                known[words] = [help_of(list(words)), error_of(list(words))]
    json.dump([known[tuple(words)] for words in lines], sys.stdout)
