"""Files of a finished run damaged, one at a time: healed to the same result, or named."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path

from tests.campaign.judge import DONE, REFUSED, Verdict, logged_traces
from tests.campaign.start import run
from tests.campaign.tiny import (
    EXPORT,
    EXPORTED,
    PLAIN,
    WHOLE,
    Undisturbed,
    differences,
    picture,
    words_of,
)
from tests.helpers.damage import empty, flip, lose, replace_by_folder, truncate

BELOW_TARGET = 1
"""What ``replay`` ends with when a rule decides otherwise than is stored; it says so."""


def flip_bit(file: Path) -> None:
    """One bit is another, at a place that follows from the file's name and size."""
    content = bytearray(file.read_bytes())
    if content:
        place = random.Random(f"{file.name} {len(content)}").randrange(8 * len(content))
        content[place // 8] ^= 1 << place % 8
        file.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "truncated": truncate,
    "emptied": empty,
    "flipped": flip,
    "a bit flipped": flip_bit,
    "missing": lose,
    "a folder": replace_by_folder,
}


@dataclass(frozen=True)
class Use:
    """A command that reads files of a run.

    of: the run that it is given. reads: patterns of the files. makes: the command whose results are
    removed first, so that it has to read what they are made from; None where it leaves none. says:
    what it prints is its result.
    """

    of: str
    reads: tuple[str, ...]
    makes: str | None = None
    says: bool = False


ALL_RUN = ("config.json",)
AGENTS = ("agents/*/model.safetensors", "agents/*/state.json")
ROUNDS = ("culture/round-*",)
COMPARED = ("features/*/*/*.parquet", "features/*/*/summary.json")
SAES = ("sae/*/*/*/0/*",)
SHOWN = (
    *(*ALL_RUN, *AGENTS, "culture/*", "features/*", "sae/*/training.json", "report/*"),
    *(
        "summary.json",
        "lookup.json",
        "precision.json",
        "metrics.jsonl",
        "tensorboard/*",
        ".run.lock",
    ),
)
USES = {
    "culture": Use(PLAIN, ("*",)),
    "sae": Use(PLAIN, ("config.json", "agents/*", "culture/round-*", "sae/*", "features/*"), "sae"),
    "report": Use(WHOLE, SHOWN, "report"),
    "analyze": Use(WHOLE, (*ALL_RUN, *AGENTS, *ROUNDS), "analyze"),
    "effects": Use(WHOLE, (*ALL_RUN, *AGENTS, *SAES, *COMPARED, "features/*/effects/*"), "effects"),
    "crosscoder": Use(WHOLE, (*ALL_RUN, *AGENTS, *SAES, *COMPARED, "sae/*/cross*"), "crosscoder"),
    "replay": Use(WHOLE, (*ALL_RUN, *ROUNDS), says=True),
    EXPORT: Use(WHOLE, (*ALL_RUN, *ROUNDS)),
    "quizzes": Use(WHOLE, (*ALL_RUN, *ROUNDS), says=True),
    "quizzes --agent 0": Use(WHOLE, (*ALL_RUN, "agents/0/*"), says=True),
}


@dataclass(frozen=True)
class Harm:
    """A file, what is done to it, and the command that meets it."""

    file: str
    damage: str
    command: str


def harms(undisturbed: Undisturbed, rng: random.Random) -> list[Harm]:
    """All there are: each damage of each file with one command first, then with another, so on."""
    by_damage: list[list[Harm]] = []
    files = _files(undisturbed)
    for file, commands in files.items():
        for damage in DAMAGES:
            chosen = rng.sample(commands, len(commands))
            by_damage.append([Harm(file, damage, command) for command in chosen])
    rng.shuffle(by_damage)
    return [harm for turn in zip_longest(*by_damage) for harm in turn if harm is not None]


def _files(undisturbed: Undisturbed) -> dict[str, list[str]]:
    """By file, the commands that read it, in the order of USES."""
    found: dict[str, list[str]] = {}
    for command, use in USES.items():
        path = undisturbed.path(use.of)
        for name in (*undisturbed.pictures[use.of], *_volatile(path)):
            if any(fnmatchcase(name, pattern) for pattern in use.reads):
                found.setdefault(name, []).append(command)
    return found


def _volatile(path: Path) -> Iterator[str]:
    """What is read, and differs from one time to the next."""
    for pattern in ("metrics.jsonl", "tensorboard/tracked.json", ".run.lock"):
        yield from (str(file.relative_to(path)) for file in path.glob(pattern))


def damaged(undisturbed: Undisturbed, harm: Harm, folder: Path) -> Verdict:
    """One command that meets one damage."""
    use, verdict = USES[harm.command], Verdict()
    path = undisturbed.copy(use.of, folder)
    expected = undisturbed.pictures[use.of]
    made = undisturbed.makes[use.makes] if use.makes else ()
    if harm.file not in made:
        for name in made:
            (path / name).unlink()
    else:
        made = ()
    DAMAGES[harm.damage](path / harm.file)
    verdict.commands.append(f"# {harm.file} {harm.damage}")
    before = picture(path)
    ended = run(words_of(harm.command, path), path.parent / "said")
    verdict.count("damaged files")
    codes = {DONE, REFUSED} | ({BELOW_TARGET} if harm.command == "replay" else set())
    named = _names(harm)
    if not verdict.judge(ended, codes, *named):
        return verdict
    verdict.judge_all(logged_traces(path))
    after = picture(path)
    if ended.code == DONE:
        verdict.count("healed" if after == expected else "not read, or the same without it")
        verdict.judge_all(_silent(harm, before, after, expected))
        if harm.command == EXPORT:
            exported = picture(folder / EXPORTED)
            verdict.judge_all(differences(undisturbed.pictures[EXPORT], exported))
        if use.says and ended.out != _said(undisturbed, harm.command, folder):
            verdict.faults.append("it prints something else")
    else:
        verdict.count("named")
        verdict.judge_all(_lost(harm, before, after, set(made)))
    return verdict


def _names(harm: Harm) -> Sequence[str]:
    """What may stand in the line that names a file: its path in the run."""
    if harm.damage == "missing" and harm.file == "config.json":
        return ("there is no run at",)
    if harm.damage == "missing" and fnmatchcase(harm.file, "features/*/summary.json"):
        return ("not compared yet", "no features are compared")
    return (harm.file,)


def _silent(
    harm: Harm, before: dict[str, str], after: dict[str, str], expected: dict[str, str]
) -> list[str]:
    """What a command that ended well left otherwise than it was without the damage.

    The file itself may be as it was before the damage, or still damaged if nothing was made of it.
    """
    wrong = differences(expected, after)
    if after.get(harm.file) == before.get(harm.file):
        wrong = [line for line in wrong if not line.startswith(f"{harm.file} ")]
    curves = harm.file == "metrics.jsonl" and harm.command in ("report", "culture")
    if curves or (harm.command == "report" and harm.damage == "missing"):
        # A report shows what can be read, and says of what is not there which command makes it.
        wrong = [line for line in wrong if not line.startswith("report/")]
    return wrong


def _lost(harm: Harm, before: dict[str, str], after: dict[str, str], made: set[str]) -> list[str]:
    """What a command that refused its work has changed all the same."""
    wrong = differences(before, after)
    return [line for line in wrong if line.split(" ")[0] not in made | {harm.file}]


def _said(undisturbed: Undisturbed, command: str, folder: Path) -> str:
    """What a command prints of the run as it was."""
    path = undisturbed.copy(USES[command].of, folder / "whole")
    said = run(words_of(command, path), folder / "said-whole").out
    shutil.rmtree(path)
    return said
