"""What ``--help`` says, and whether command lines are understood, for many in one process.

    python -m tests.helpers.helps lines.json

Reads a JSON object from the file: "helps" and "errors" are lists of command lines, each a list of
words. Writes one with the same keys: the text of ``--help`` beside the words, and what is wrong
with them, "" for nothing. No command is run.
"""

import json
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path

from culture_sim.cli import main
from culture_sim.commands import commands
from culture_sim.commands.parsing import values_of
from tests.helpers.tyro_cache import trust_cache
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
    trust_cache()
    lines = json.loads(Path(sys.argv[1]).read_text())
    with redirect_stdout(sys.stderr):  # plugins may print
        answers = {
            "helps": [help_of(words) for words in lines["helps"]],
            "errors": [error_of(words) for words in lines["errors"]],
        }
    json.dump(answers, sys.stdout)
