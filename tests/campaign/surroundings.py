"""What a machine, a shell or a container may lack: the same command makes the same run."""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import resource
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.judge import DONE, REFUSED, Verdict
from tests.campaign.start import How, run
from tests.campaign.tiny import NAME, PLAIN, Undisturbed, differences, picture, words_of

NEW_NETWORK = 0x40000000
"""CLONE_NEWNET, of unshare(2)."""
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1
"""SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP, of netdevice(7)."""


def _without_network() -> None:
    """A network of its own with nothing but a loopback device, where that is allowed."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK):
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(probe, GET_FLAGS, request))[1]
        fcntl.ioctl(probe, SET_FLAGS, struct.pack("16sh22x", b"lo", flags | UP))


def _few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def _folder_is_gone() -> None:
    Path.cwd().rmdir()


def _other_modules() -> None:
    """Folders of our packages' names, where Python starts."""
    for name in ("world", "agents", "sae"):
        Path(name).mkdir()
        Path(name, "__init__.py").write_text('raise RuntimeError("another module")\n')


@dataclass(frozen=True)
class Surroundings:
    """One of them.

    below: the folder that the run is in, which may have any name. refused: words of the line that
    says why there can be no run, where there can be none.
    """

    what: str
    environment: Mapping[str, str | None] = field(default_factory=dict)
    prepare: Callable[[], object] = lambda: None
    below: str = "runs"
    refused: str = ""


NO_UTF8 = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LANG": None, "LC_CTYPE": None}
ALL = (
    Surroundings("no HOME", {"HOME": None}),
    Surroundings("HOME that is not there", {"HOME": "/nonexistent"}),
    Surroundings("HOME that is no folder", {"HOME": "/dev/null"}),
    Surroundings("LC_ALL=C", {"LC_ALL": "C"}),
    Surroundings("LC_ALL=C, a folder in Greek", {"LC_ALL": "C"}, below="τρεξίματα"),
    Surroundings("LC_ALL=C, no UTF-8", {"LC_ALL": "C", **NO_UTF8}),
    Surroundings(
        "LC_ALL=C, no UTF-8, Greek",
        {"LC_ALL": "C", **NO_UTF8},
        below="τρεξίματα",
        refused="set PYTHONUTF8=1",
    ),
    Surroundings("spaces in the path", below="a b 'c' \"d\" [e]"),
    Surroundings("no network", prepare=_without_network),
    Surroundings("no network, a proxy", {"HTTPS_PROXY": "http://127.0.0.1:9"}, _without_network),
    Surroundings("TMPDIR that is not there", {"TMPDIR": "/nonexistent"}),
    Surroundings("umask 077", prepare=lambda: os.umask(0o077)),
    Surroundings("the current folder is gone", prepare=_folder_is_gone),
    Surroundings("256 open files", prepare=_few_files),
    Surroundings("no PATH", {"PATH": None}),
    Surroundings("TERM=dumb, COLUMNS=1", {"TERM": "dumb", "COLUMNS": "1"}),
    Surroundings("closed outputs", prepare=lambda: os.closerange(0, 3)),
    Surroundings("other modules of our names", prepare=_other_modules),
)


def surroundings(
    undisturbed: Undisturbed, rng: random.Random, folder: Path, number: int
) -> Verdict:
    """``culture`` from nothing, in one of them after the other."""
    chosen, verdict = ALL[number % len(ALL)], Verdict()
    path, current = folder / chosen.below / NAME, folder / "current"
    current.mkdir(parents=True)

    def prepare() -> None:
        chosen.prepare()

    how = How(True, chosen.environment, current, prepare)
    verdict.commands.append(f"# {chosen.what}")
    ended = run(words_of("culture", path, 2), folder / "said", how)
    verdict.count("surroundings")
    if chosen.refused:
        verdict.judge(ended, {REFUSED}, chosen.refused)
    else:
        verdict.judge(ended, {DONE})
        verdict.judge_all(differences(undisturbed.pictures[PLAIN], picture(path)))
    return verdict
