"""The command line: every stage of a run, every option typed and documented.

A command resolves its options (preset, then the run's own configuration if it exists, then a
file, then flags), starts the stage's workers and shows their progress. Anything the user can
mend ends in one line and a non-zero exit code.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from culture_sim.commands.parsing import one_line_errors
from culture_sim.launch.processes import ERROR_PREFIX
from culture_sim.launch.worker import describe_os_error
from culture_sim.presets import presets
from culture_sim.run.config import RunConfig, read_config
from culture_sim.run.run import Run
from world.core.errors import UserError

COMMANDS = {
    "culture": "Everything: train the agents, make culture, train SAEs, compare them, report.",
    "train-agents": "Train every agent of the run to the target accuracy.",
    "culture-round": "Propose quizzes, vote, keep those that four of five solve, train on them.",
    "sae": "Train a sparse autoencoder on every agent and compare their features.",
    "report": "Write the run's report as one HTML file.",
    "replay": "Judge the stored votes of a run again, by its rule or another; runs no model.",
    "analyze": "Find out what a run's culture is: by which rules, how clear, new and hard.",
    "effects": "Find out what features do: silence them, put one agent's in another's place.",
    "crosscoder": "Train one dictionary for all agents: is what one agent alone has its own?",
    "culture-features": "Find out what agents' own quizzes do to their features.",
    "study": "Find out whether culture does anything: arms from the same agents, compared.",
    "export": "Write quizzes as a Hugging Face dataset, and as text for language models.",
    "quizzes": "Show quizzes: of a task, of a run's culture, or an agent's mistakes.",
}
TOOLS = {
    "replay": ("culture_sim.commands.replay", "replay"),
    "analyze": ("culture_sim.commands.analyze", "analyze"),
    "effects": ("culture_sim.commands.effects", "effects"),
    "crosscoder": ("culture_sim.commands.crosscoder", "crosscoder"),
    "culture-features": ("culture_sim.commands.culture_features", "culture_features"),
    "study": ("culture_sim.commands.study", "study"),
    "export": ("culture_sim.commands.export", "export"),
    "quizzes": ("culture_sim.commands.quizzes", "show"),
}
"""Commands that are no stage of a run: the module and function of each, loaded when wanted."""
STARTING = ("culture", "train-agents")
"""Commands that make a run where there is none; the others need one."""


@dataclass(frozen=True)
class Place:
    """Where a command works; parsed before the options, which depend on it."""

    preset: str | None = None
    """Preset to start from; "compact" when neither it nor the run says otherwise."""
    run: str | None = None
    """Name of the run, a folder under --runs; the preset's name by default."""
    runs: Path = Path("runs")
    """Folder that holds runs."""
    config: Path | None = None
    """JSON file of options, as saved in a run's config.json; flags override it."""
    processes: int | None = None
    """Worker processes on this machine; one a GPU or core by default."""
    wandb: bool = False
    """Track with Weights & Biases instead of TensorBoard."""


@dataclass(frozen=True)
class Arguments(Place):
    """All that a command line can say."""

    options: Annotated[RunConfig, tyro.conf.arg(name="")] = field(default_factory=RunConfig)


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
        return _fail("interrupted; run the same command again to go on from here", 130)
    except OSError as error:
        return _fail(describe_os_error(error), 2)


def _fail(message: str, code: int) -> int:
    print(f"{ERROR_PREFIX}{message}", file=sys.stderr)
    return code


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        _overview()
        return 0 if arguments else 2
    command = arguments.pop(0)
    if command not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise UserError(f"unknown command {command!r}; known: {known}")
    if command in TOOLS:
        module, name = TOOLS[command]
        return int(getattr(import_module(module), name)(arguments))
    place, path, options, preset = _resolve(command, arguments)
    if command not in STARTING:
        Run.open(path)  # raises when there is none
    from agents.precision import process_state
    from culture_sim.launch.pipeline import check_command, console, follow, run_command
    from culture_sim.launch.processes import launched_outside, leads

    # Before the run's folder is touched: what is refused leaves no trace in it.
    check_command(command, options, place.processes)
    if launched_outside():
        process_state()  # once they have met, the others notice when one ends
    if not leads():
        return follow(path)
    with Run.lock(path):
        if not (path / "config.json").exists():
            console.print(f"new run {path}, preset {preset}", highlight=False, soft_wrap=True)
        run = Run.start(path, options, preset)
        return run_command(command, run, place.processes, place.wandb)


def _overview() -> None:
    console = Console()
    console.print("usage: culture-sim COMMAND [--preset NAME] [--run NAME] [options]\n")
    for name, text in COMMANDS.items():
        console.print(f"  {name:16} {text}", highlight=False)
    console.print("\n  culture-sim COMMAND --help lists every option.")
    console.print(f"  presets: {', '.join(presets.names())}", highlight=False)


def _resolve(command: str, arguments: list[str]) -> tuple[Place, Path, RunConfig, str]:
    """What the arguments say: the place, the run's folder, its options and their preset."""
    known = [a for a in arguments if a not in ("-h", "--help")]
    with one_line_errors():
        place, _ = tyro.cli(Place, args=known, return_unknown_args=True)
    name = place.run or place.preset or "compact"
    path = place.runs / name
    base, preset = _base(place, path)
    with one_line_errors():
        parsed = tyro.cli(
            Arguments,
            args=arguments,
            default=Arguments(options=_with_rule_options(base, {})),
            prog=f"culture-sim {command}",
            description=COMMANDS[command],
        )
    options = parsed.options
    given = any(argument.startswith("--culture.rule-options") for argument in arguments)
    if not given and options.culture.rule == base.culture.rule:
        options = _with_rule_options(options, base.culture.rule_options)
    return place, path, options, preset


def _with_rule_options(config: RunConfig, options: dict[str, float]) -> RunConfig:
    """The configuration with other options of its rule.

    tyro names a flag after each key that a default holds, so that the flag which made a run would
    be unknown when it is given again: it is shown a default without any.
    """
    return replace(config, culture=replace(config.culture, rule_options=options))


def _base(place: Place, path: Path) -> tuple[RunConfig, str]:
    """The options before flags, and the preset they came from."""
    if place.config is not None:
        return read_config(place.config), place.preset or "compact"
    if (path / "config.json").exists():
        run = Run.open(path)
        if place.preset not in (None, run.preset):
            raise UserError(
                f"run {path.name} was made with preset {run.preset!r}, not {place.preset!r}; "
                f"choose another --run"
            )
        return run.config, run.preset
    name = place.preset or "compact"
    try:
        return presets[name](), name
    except ValueError as error:
        raise UserError(str(error)) from None
