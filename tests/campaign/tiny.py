"""The run that is disturbed: everything in it, made in seconds, and what must be the same of it.

``PLAIN`` is what the command ``culture`` makes; ``WHOLE`` has the findings of other commands too.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaign.start import Ended, run, start

NAME = "tiny"
OPTIONS = [
    "--plugin", "tests.campaign.rule", "--preset", "smoke", "--agents", "2",
    "--world.tasks", "frame", "detect",
    "--model.d-model", "16", "--model.d-mlp", "32",
    "--train.precision", "fp32", "--train.epoch-quizzes", "160", "--train.max-quizzes", "160",
    "--train.test-quizzes", "10", "--train.validation-quizzes", "8",
    "--train.recombined-quizzes", "4",
    "--culture.rule", "by_lot", "--culture.batch-size", "8", "--culture.shard-batches", "2",
    "--culture.max-proposals", "64", "--culture.quota", "1000", "--culture.transfer-quizzes", "8",
    "--sae.widths", "32", "--sae.k", "4", "--sae.training-tokens", "4096",
    "--sae.epochs-per-buffer", "2", "--sae.buffer-quizzes", "32", "--sae.batch-size", "256",
    "--sae.comparison-quizzes", "40", "--sae.concept-quizzes", "10", "--sae.min-firings", "5",
    "--sae.permutations", "1", "--sae.resamples", "5",
]  # fmt: skip
FINDINGS: dict[str, Sequence[str]] = {
    "analyze": ("--most", "5"),
    "effects": ("--quizzes", "16", "--families", "2", "--resamples", "5"),
    "crosscoder": (
        *("--crosscoder.d-sae", "32", "--crosscoder.k", "4", "--crosscoder.batch-size", "256"),
        *("--crosscoder.training-tokens", "4096", "--crosscoder.buffer-quizzes", "32"),
        *("--crosscoder.epochs-per-buffer", "2"),
    ),
}
"""Commands that find something out about a finished run, with the options that make them quick.

Without ``culture-features``, which needs agents that solve quizzes."""
EXPORT, EXPORTED = "export dataset", "exported"
"""A command that writes beside the run, and the folder that it writes."""
PLAIN, WHOLE = "plain", "whole"
VOLATILE = re.compile(r"(^|/)\.[^/]*\.lock$|^\.run\.lock$|^logs/|^metrics\.jsonl$|^tensorboard/")
"""Files of a run that differ from one time to the next: locks, what was said, and curves."""
TIMES = ("seconds", "checksum", "processes", "runs")
"""Entries of JSON that may differ: times, what follows from them, and where the run was made."""
OF_THE_RUN = re.compile(
    r'<section id="run">.*?</section>|<li><b>\d+ min</b>in all</li>\n?', re.DOTALL
)
"""What a report says of times."""


def words_of(command: str, path: Path, processes: int = 1) -> list[str]:
    """A command on the run at ``path``, with the campaign's options of it."""
    words = [*command.split(), "--runs", str(path.parent), "--run", path.name]
    if command == "culture":
        return [*words, "--processes", str(processes), *OPTIONS]
    if command == "sae":
        return [*words, "--processes", str(processes)]
    if command == EXPORT:
        return [*words, "--quizzes", "60", "--out", str(path.parent / EXPORTED)]
    return [*words, *FINDINGS.get(command, ())]


def picture(path: Path) -> dict[str, str]:
    """What must be the same of a run: a hash of each file, less the times in it."""
    files = (file for file in path.rglob("*") if not file.is_dir())
    named = {str(file.relative_to(path)): file for file in files}
    return {
        name: digest_of(file) for name, file in sorted(named.items()) if not VOLATILE.search(name)
    }


def digest_of(file: Path) -> str:
    """A hash of what a file holds, less the times in it."""
    content = file.read_bytes()
    if file.suffix == ".json":
        try:
            tree = json.loads(content)
        except ValueError:
            pass
        else:
            content = json.dumps(_timeless(tree), sort_keys=True).encode()
    if file.suffix == ".html":
        content = OF_THE_RUN.sub("", content.decode(errors="replace")).encode()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _timeless(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _timeless(value) for key, value in tree.items() if key not in TIMES}
    return [_timeless(value) for value in tree] if isinstance(tree, list) else tree


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """What is wrong with a picture, a line each."""
    names = sorted({**expected, **found})
    wrong = []
    for name in names:
        if name not in found:
            wrong.append(f"{name} is lost")
        elif name not in expected:
            wrong.append(f"{name} is left behind")
        elif found[name] != expected[name]:
            wrong.append(f"{name} is another")
    return wrong


@dataclass(frozen=True)
class Undisturbed:
    """The undisturbed run.

    folder: with the runs ``plain/tiny`` and ``whole/tiny``. pictures: of both, and of an export.
    makes: by command, the files that it makes. began_s, seconds: when the work of ``culture``
    began, and how long it took in all, by whether it began afresh. took: seconds of the others.
    Moments are chosen by these.
    """

    folder: Path
    pictures: dict[str, dict[str, str]]
    makes: dict[str, tuple[str, ...]]
    began_s: dict[bool, float]
    seconds: dict[bool, float]
    took: dict[str, float]

    def path(self, which: str) -> Path:
        """The run's folder."""
        return self.folder / which / NAME

    def copy(self, which: str, folder: Path) -> Path:
        """A run of its own to spoil, in a folder."""
        return shutil.copytree(self.path(which), folder / NAME)


def make(folder: Path, load_s: float) -> Undisturbed:
    """Make everything once. Raises RuntimeError when a command of it fails.

    load_s: seconds that libraries take to load, as a command and its workers that begin afresh do.
    """
    plain, whole = folder / PLAIN / NAME, folder / WHOLE / NAME
    took = {}
    began, seconds = _timed(plain)
    shutil.copytree(plain, whole)
    makes = {"culture": tuple(picture(plain))}
    for command in (*FINDINGS, "report"):
        before, clock = picture(whole), time.monotonic()
        _must(run(words_of(command, whole), folder / "said" / command))
        took[command] = time.monotonic() - clock
        makes[command] = tuple(name for name in picture(whole) if name not in before)
    _must(run(words_of(EXPORT, whole), folder / "said" / "export"))
    makes["report"] = _below(picture(whole), "report/")
    makes["sae"] = _below(picture(plain), "features/")
    exported = picture(whole.parent / EXPORTED)
    pictures = {PLAIN: picture(plain), WHOLE: picture(whole), EXPORT: exported}
    by_afresh = {False: began, True: began + load_s}, {False: seconds, True: seconds + 2 * load_s}
    return Undisturbed(folder, pictures, makes, *by_afresh, took)


def _below(names: Iterable[str], folder: str) -> tuple[str, ...]:
    return tuple(name for name in names if name.startswith(folder))


def _timed(path: Path) -> tuple[float, float]:
    """Seconds until the work of ``culture`` began, and until it was done."""
    clock = time.monotonic()
    started = start(words_of("culture", path, 2), path.parent / "said")
    while not (path / "precision.json").exists() and not started.has_ended():
        time.sleep(0.01)
    began = time.monotonic() - clock
    _must(started.wait())
    return began, time.monotonic() - clock


def _must(ended: Ended) -> None:
    if ended.code != 0:
        said = f"{ended.out}\n{ended.err}"
        raise RuntimeError(f"{' '.join(ended.words)} ended with {ended.code}: {said}")
