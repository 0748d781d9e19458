"""Variables of launchers: a place among others, alone, or refused in a line with a way out."""

from __future__ import annotations

from itertools import pairwise

import pytest

from culture_sim.launch.place import VARIABLES, Place, be_alone, place_in, take_place
from world.core.errors import UserError

MEETING = {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1234"}
TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
}
INTEL_MPI = {"PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}
MVAPICH = {name.replace("OMPI", "MV2"): value for name, value in OPEN_MPI.items()}


@pytest.mark.parametrize("variables", [TORCHRUN, OPEN_MPI, INTEL_MPI, MVAPICH])
def test_every_launchers_names_give_the_same_place(variables):
    environ = {**variables, **MEETING}
    place = Place(rank=3, size=4, local_rank=1, local_size=2, address="10.0.0.1", port=1234)
    assert take_place(environ) == place
    assert environ.items() >= {**TORCHRUN, **MEETING}.items()


def test_the_port_may_be_left_out():
    place = place_in({**TORCHRUN, "MASTER_ADDR": "head"})
    assert place is not None
    assert place.port == 29500


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"WORLD_SIZE": "1"},
        {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", **MEETING},
        {"LOCAL_RANK": "0"},
        {"LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "4"},
        {"PMI_RANK": "0", "PMI_SIZE": "1"},
        {"RANK": "-1", "WORLD_SIZE": "-1"},
        MEETING,
    ],
)
def test_one_process_is_alone_and_no_library_looks_for_others(variables):
    environ = {**variables, "HOME": "/home/me"}
    assert take_place(environ) is None
    assert environ == {"HOME": "/home/me"}


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"WORLD_SIZE": "2"}, "RANK and MASTER_ADDR"),
        ({"WORLD_SIZE": "2", "MASTER_ADDR": "head"}, "RANK"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "MASTER_ADDR"),
        ({"PMI_SIZE": "2", "PMI_RANK": "1"}, "MASTER_ADDR"),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}, "MASTER_ADDR"),
        ({"RANK": "3"}, "RANK=3"),
        ({"PMI_RANK": "1"}, "PMI_RANK=1"),
        ({"WORLD_SIZE": "2", "RANK": "2", **MEETING}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two"),
        ({"WORLD_SIZE": ""}, "WORLD_SIZE="),
        ({**TORCHRUN, **MEETING, "LOCAL_RANK": "first"}, "LOCAL_RANK=first"),
        ({**TORCHRUN, **MEETING, "MASTER_PORT": "http"}, "MASTER_PORT=http"),
        ({**TORCHRUN, **MEETING, "MASTER_PORT": "70000"}, "MASTER_PORT=70000"),
    ],
)
def test_what_is_incomplete_is_refused_in_a_line_that_says_how_to_run_alone(variables, named):
    with pytest.raises(UserError) as refused:
        take_place(dict(variables))
    line = str(refused.value)
    assert "\n" not in line
    assert named in line
    words = line.partition("run alone: ")[2].split()
    unset = {word for flag, word in pairwise(words) if flag == "-u"}
    assert unset == variables.keys()
    assert place_in({}) is None


def test_alone_forgets_every_variable_and_no_other():
    environ = {**dict.fromkeys(VARIABLES, "1"), "HOME": "/home/me"}
    be_alone(environ)
    assert environ == {"HOME": "/home/me"}
