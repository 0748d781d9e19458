"""How far a command is: a line now and then where there is no terminal."""

from io import StringIO

import pytest
from rich.console import Console

from culture_sim.launch import progress as module
from culture_sim.launch.progress import progress


def told(every: float) -> str:
    console = Console(file=StringIO(), force_terminal=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PLAIN_EVERY_S", every)
        with progress(console) as report:
            for number in range(3):
                report(f"{number} of 3")
    return console.file.getvalue()


def test_a_line_is_said_each_time_that_it_is_due():
    assert told(0.0) == "0 of 3\n1 of 3\n2 of 3\n"


def test_what_is_quickly_done_says_nothing():
    assert told(60.0) == ""


def test_a_terminal_has_a_line_that_changes():
    console = Console(file=StringIO(), force_terminal=True)
    with progress(console) as report:
        report("half of it")
        console.print("said meanwhile")
    assert "half of it" in console.file.getvalue()
