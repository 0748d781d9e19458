"""A process's place among those that an outside launcher started, by the variables it set.

`accelerate launch` and torchrun set RANK, WORLD_SIZE and the rest; mpirun and its kin set names of
their own, which accelerate reads, too. A scheduler or an earlier job may have left some of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass

from world.core.errors import UserError

RANK = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
SIZE = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
LOCAL_RANK = (
    "LOCAL_RANK",
    "MPI_LOCALRANKID",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "MV2_COMM_WORLD_LOCAL_RANK",
)
LOCAL_SIZE = (
    "LOCAL_WORLD_SIZE",
    "MPI_LOCALNRANKS",
    "OMPI_COMM_WORLD_LOCAL_SIZE",
    "MV2_COMM_WORLD_LOCAL_SIZE",
)
ADDRESS, PORT = "MASTER_ADDR", "MASTER_PORT"
VARIABLES = (*RANK, *SIZE, *LOCAL_RANK, *LOCAL_SIZE, ADDRESS, PORT)
DEFAULT_PORT = 29500
"""Where accelerate's processes meet unless MASTER_PORT says otherwise."""


@dataclass(frozen=True)
class Place:
    """``rank`` of ``size`` processes, which meet at ``address`` and ``port``.

    local_rank: of the local_size processes of this machine.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    address: str
    port: int


def place_in(environ: Mapping[str, str]) -> Place | None:
    """The place of a process that was started with others, None for one that is alone.

    Raises UserError, naming the variables, where they do not say what they should.
    """
    size, rank = _first(environ, SIZE), _first(environ, RANK)
    if (size or 0) <= 1 and not rank:
        return None
    if size is None or size <= (rank or 0):
        raise UserError(
            f"{_told(environ)} in the environment: a rank must be below the number of processes "
            f"(WORLD_SIZE); {_ways_out(environ)}"
        )
    missing = [] if rank is not None else ["RANK"]
    missing += [] if environ.get(ADDRESS) else [ADDRESS]
    if missing:
        raise UserError(
            f"{_told(environ)} in the environment: one of {size} processes, but "
            f"{' and '.join(missing)} must say where it belongs; {_ways_out(environ)}"
        )
    local_size = _first(environ, LOCAL_SIZE) or 1
    return Place(
        rank=rank or 0,
        size=size,
        local_rank=_first(environ, LOCAL_RANK) or 0,
        local_size=local_size,
        address=environ[ADDRESS],
        port=_port(environ),
    )


def take_place(environ: MutableMapping[str, str]) -> Place | None:
    """``place_in``, and the variables as all libraries read them: of the place, or none."""
    place = place_in(environ)
    if place is None:
        be_alone(environ)
        return None
    settled = {
        "RANK": str(place.rank),
        "WORLD_SIZE": str(place.size),
        "LOCAL_RANK": str(place.local_rank),
        "LOCAL_WORLD_SIZE": str(place.local_size),
        PORT: str(place.port),
    }
    environ.update(settled)
    return place


def be_alone(environ: MutableMapping[str, str]) -> None:
    """Forget what a launcher set, so that no library looks for other processes."""
    for name in VARIABLES:
        environ.pop(name, None)


def alone_command(environ: Mapping[str, str]) -> str:
    """How to start one process where these variables are set, in words of a shell."""
    return " ".join(["env", *(f"-u {name}" for name in _set(environ)), "culture-sim ..."])


def _first(environ: Mapping[str, str], names: Iterable[str]) -> int | None:
    """The first of these that is set to a number from 0, as accelerate takes them."""
    for name in names:
        text = environ.get(name, "-1")
        try:
            number = int(text)
        except ValueError:
            raise UserError(
                f"{name}={text} in the environment is no number; {_ways_out(environ)}"
            ) from None
        if number >= 0:
            return number
    return None


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get(PORT) or str(DEFAULT_PORT)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
        raise UserError(f"{PORT}={text} in the environment is no port; {_ways_out(environ)}")
    return int(text)


def _set(environ: Mapping[str, str]) -> list[str]:
    return [name for name in VARIABLES if name in environ]


def _told(environ: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={environ[name]}" for name in _set(environ))


def _ways_out(environ: Mapping[str, str]) -> str:
    return (
        f"start all processes by accelerate launch or torchrun, or run alone: "
        f"{alone_command(environ)}"
    )
