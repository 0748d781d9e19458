"""Outputs that are closed, full, or read by nobody: no trace, no hang, the documented exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from culture_sim.launch.output import CLOSED_PIPE
from tests.helpers.launched import run
from tests.helpers.processes import workers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="of POSIX shells"),
]
LINE = "culture-sim: error: "
TINY = (
    *("train-agents", "--preset", "smoke", "--processes", "1", "--train.target", "0"),
    *("--agents", "2", "--model.d-model", "16", "--model.d-mlp", "32"),
    *("--train.precision", "fp32"),
    *("--train.epoch-quizzes", "32", "--train.max-quizzes", "32", "--train.batch-size", "16"),
    *("--train.test-quizzes", "20", "--train.validation-quizzes", "20"),
    *("--train.recombined-quizzes", "4"),
)


def shell(arguments, rest, folder):
    """A command in a shell, with what follows it; its exit code stands at the end of stderr."""
    command = f"{sys.executable} -m culture_sim {' '.join(arguments)}"
    text = f"{{ {command} {rest[0]}; echo $? >&9; }} {rest[1]}"
    ended = subprocess.run(
        ["bash", "-c", f"exec 9>{folder}/code; {text}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=600,
    )
    return int((folder / "code").read_text()), ended.stdout, ended.stderr


@pytest.mark.parametrize("arguments", [("quizzes", "--count", "300"), ("--help",)])
def test_nobody_reads(tmp_path, arguments):
    code, _, stderr = shell(arguments, ("", "| true"), tmp_path)
    assert (code, stderr) == (CLOSED_PIPE, "")


@pytest.mark.parametrize("arguments", [("quizzes", "--count", "300"), ("--help",)])
def test_the_disk_is_full(tmp_path, arguments):
    """While it writes, or when it ends: what is short is written out then."""
    code, _, stderr = shell(arguments, (">/dev/full", ""), tmp_path)
    assert code == 2
    assert stderr.startswith(f"{LINE}No space left on device")
    assert stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "closed"),
    [
        (("quizzes", "--count", "2"), ">&-"),
        (("--help",), ">&- 2>&-"),
        (("--help",), "<&- >&- 2>&-"),
    ],
)
def test_an_output_is_closed(tmp_path, arguments, closed):
    code, stdout, stderr = shell(arguments, (closed, ""), tmp_path)
    assert (code, stdout, stderr) == (0, "", "")


@pytest.mark.parametrize("unheard", ["2>&-", "2>/dev/full"])
def test_an_error_that_cannot_be_said_still_has_its_code(tmp_path, unheard):
    code, stdout, stderr = shell(("no-command",), (unheard, ""), tmp_path)
    assert (code, stdout, stderr) == (2, "", "")


def test_workers_work_where_outputs_are_closed(tmp_path):
    code, stdout, stderr = shell(TINY, ("<&- >&- 2>&-", ""), tmp_path)
    assert (code, stdout, stderr) == (0, "", "")
    assert len(list((tmp_path / "runs" / "smoke" / "agents").glob("*/state.json"))) > 1


def nobody_reads():
    """Standard output is a pipe whose other end is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    os.dup2(writing, 1)
    os.close(writing)


def test_workers_end_where_nobody_reads(tmp_path):
    ended = run(TINY, folder=tmp_path, prepare=nobody_reads)
    assert (ended.returncode, ended.stderr) == (CLOSED_PIPE, "")
    assert workers(tmp_path / "runs" / "smoke") == []
