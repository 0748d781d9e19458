"""The command line: finds the command and obeys; whatever a user can mend ends in one line."""

from __future__ import annotations

import importlib.metadata
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from culture_sim.commands import Command, commands
from culture_sim.commands.parsing import values_of
from culture_sim.launch.interruption import BEGINS_ANEW, CODE, INTERRUPTED
from culture_sim.launch.output import CLOSED_PIPE, complain, describe_os_error, without_reader
from culture_sim.launch.place import Place, be_alone, take_place
from culture_sim.run.variables import limit_threads, settle
from world.core.errors import UserError
from world.core.plugins import load_plugins

PRESETS = Path(__file__).with_name("presets")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read arguments (by default those of the process) and obey; returns the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # A job that is told to stop ends like one that is interrupted: its workers end first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _dispatch(arguments)
    except UserError as error:
        return _fail(str(error), 2)
    except KeyboardInterrupt:
        return _fail(INTERRUPTED, CODE)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and without_reader():
            return CLOSED_PIPE
        return _fail(describe_os_error(error), 2)


def _fail(message: str, code: int) -> int:
    complain(message)
    return code


def _dispatch(arguments: list[str]) -> int:
    if any("\0" in argument for argument in arguments):
        raise UserError("an argument holds the character NUL, which no name of a file can")
    notes = settle(os.environ)  # before a plugin loads what reads them
    load_plugins(values_of("--plugin", arguments))
    if not arguments or arguments[0] in ("-h", "--help"):
        _overview()
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"culture-sim {_version()}")
        return 0
    name, *arguments = arguments
    command = commands[name].parse(arguments, f"culture-sim {name}", commands.about(name))
    place = _take_place(command)
    if place is None or place.rank == 0:
        for note in notes:
            print(f"culture-sim: {note}", file=sys.stderr)
    from culture_sim.launch.console import OutputConsole  # loads rich

    try:
        return command.execute(OutputConsole())
    except KeyboardInterrupt:
        return _fail(INTERRUPTED if command.resumes else BEGINS_ANEW, CODE)


def _take_place(command: Command) -> Place | None:
    """The command's place among processes of a launcher; its threads are of what it may use."""
    if not command.minds_launchers:
        be_alone(os.environ)
    place = take_place(os.environ)
    if place is not None:
        limit_threads(os.environ, place.local_size)
    elif not command.minds_launchers:
        limit_threads(os.environ)
    return place


def _version() -> str:
    try:
        return importlib.metadata.version("culture-sim")
    except importlib.metadata.PackageNotFoundError:
        raise UserError("its version is known once it is installed: pip install -e .") from None


def _overview() -> None:
    print("usage: culture-sim COMMAND [--preset NAME] [--run NAME] [options]\n")
    for name in commands:
        print(f"  {name:16} {commands.about(name)}")
    names = [m.name.replace("_", "-") for m in pkgutil.iter_modules([str(PRESETS)])]
    print(
        "\n  culture-sim COMMAND --help lists every option, culture-sim --version says which it is."
    )
    print(f"  presets: {', '.join(names)}")
