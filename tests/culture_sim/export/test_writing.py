"""Writing a dataset: interruptions, memory, and what is refused."""

import shutil
import signal
import subprocess
import sys

import pytest
from filelock import FileLock

from culture_sim.cli import main
from culture_sim.export import parts
from tests.helpers.exporting import SMALL, error_line, export, of_run, tree
from tests.helpers.processes import wait_until

# Interruptions


@pytest.mark.parametrize(("moment", "left"), [(1, 14), (4, 12), (8, 7)])
def test_an_interrupted_export_goes_on_and_ends_the_same(
    tmp_path, monkeypatch, capsys, moment, left
):
    """Of 14 tables, interrupted in the given one; whole files are not written again."""
    calls, real = [], parts.text_table

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == moment:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(parts, "text_table", interrupted)
    monkeypatch.setattr("culture_sim.export.dataset.CHUNK", 300)
    out = tmp_path / "quizzes"
    assert export(out, *SMALL) == 130
    assert "go on from here" in error_line(capsys)
    assert not out.exists()
    assert not list(tmp_path.rglob("*.tmp"))
    assert export(out, *SMALL, "--seed", "8") == 2
    assert "unfinished export with another seed" in error_line(capsys)
    assert len(calls) == moment
    assert export(out, *SMALL) == 0
    assert len(calls) == moment + left
    assert [path.name for path in tmp_path.iterdir()] == ["quizzes"]
    assert export(tmp_path / "whole", *SMALL) == 0
    assert tree(tmp_path / "whole") == tree(out)


MANY = ("--world.tasks", "frame", "--quizzes", "40000", "--shard-quizzes", "4096")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What an export of many quizzes leaves that nothing cuts short."""
    out = tmp_path_factory.mktemp("many") / "whole"
    assert export(out, *MANY) == 0
    return tree(out)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_export_goes_on_and_ends_the_same(whole, tmp_path, sign):
    out = tmp_path / "cut"
    command = [sys.executable, "-m", "culture_sim", "export", "dataset", *MANY, "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    wait_until(lambda: len(list(tmp_path.rglob("*.parquet"))) >= 3, process, pause=0.005)
    process.send_signal(sign)
    _, said = process.communicate()
    assert process.returncode == (-sign if sign == signal.SIGKILL else 130)
    assert said.count(b"\n") == (sign != signal.SIGKILL)
    assert not out.exists()
    assert export(out, *MANY) == 0
    assert tree(out) == whole


@pytest.mark.slow
def test_memory_does_not_grow_with_the_quizzes(tmp_path):
    """Peak resident memory, of processes of their own."""

    def peak(quizzes):
        script = (
            "import resource, sys; from culture_sim.cli import main; main(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        options = ["--world.tasks", "frame", "--quizzes", str(quizzes), "--text"]
        command = ["export", "dataset", *options, "--out", str(tmp_path / str(quizzes))]
        done = subprocess.run(
            [sys.executable, "-c", script, *command], capture_output=True, text=True, check=True
        )
        return int(done.stdout.split()[-1]) / 1024

    assert peak(80_000) - peak(20_000) < 25


# Refusals


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--quizzes", "0"], "--quizzes must be at least 1, got 0"),
        (["--shard-quizzes", "0"], "--shard-quizzes must be at least 1, got 0"),
        (["--run", "none"], "there is no run at"),
        (["--run", "a", "--preset", "compact"], "give --preset or --run, not both"),
        (["--preset", "none"], "unknown preset 'none'"),
        (["--world.tasks", "none"], "unknown task 'none'"),
        (["--private"], "--private needs --push-to-hub"),
        (["--push-to-hub", "a//b"], "--push-to-hub a//b: Repo id must"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line(tmp_path, capsys, options, says):
    assert export(tmp_path / "out", "--runs", str(tmp_path), *options) == 2
    assert says in error_line(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["model"]])
def test_what_to_export_must_be_known(capsys, arguments):
    assert main(["export", *arguments]) == 2
    assert "say what to export; known: dataset" in error_line(capsys)


def test_a_place_must_be_given(capsys):
    assert main(["export", "dataset"]) == 2
    assert "--out" in error_line(capsys)


def test_help_lists_what_can_be_exported(capsys):
    assert main(["export", "--help"]) == 0
    assert "dataset" in capsys.readouterr().out


def test_a_run_without_culture_says_what_to_run(stored, tmp_path, capsys):
    shutil.copytree(stored, tmp_path / "fresh", ignore=shutil.ignore_patterns("culture"))
    assert export(tmp_path / "out", *of_run(tmp_path / "fresh")) == 2
    error = error_line(capsys)
    assert "run fresh has no culture yet; run first: culture-sim culture-round" in error
    assert "--no-culture" in error
    assert not (tmp_path / "out").exists()


def test_a_damaged_round_leaves_nothing_behind(stored, tmp_path, capsys):
    shutil.copytree(stored, tmp_path / "damaged")
    (tmp_path / "damaged" / "culture" / "round-0001.parquet").write_bytes(b"PAR1")
    assert export(tmp_path / "out", *of_run(tmp_path / "damaged")) == 2
    assert "round-0001.parquet is damaged" in error_line(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged"]


def test_a_runs_world_is_its_own(stored, tmp_path, capsys):
    assert export(tmp_path / "out", *of_run(stored), "--world.height", "8") == 2
    assert "run stored has a world of its own" in error_line(capsys)


def test_nothing_is_overwritten(written, tmp_path, capsys):
    (tmp_path / "file").write_text("precious")
    assert export(tmp_path / "file", *SMALL) == 2
    assert "is a file" in error_line(capsys)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").touch()
    assert export(tmp_path / "folder", *SMALL) == 2
    assert "is not empty" in error_line(capsys)
    before = tree(written)
    assert export(written, *SMALL) == 2
    assert "is not empty" in error_line(capsys)
    assert tree(written) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_an_empty_folder_is_a_new_one(tmp_path):
    (tmp_path / "empty").mkdir()
    assert export(tmp_path / "empty", "--world.tasks", "frame", "--quizzes", "10") == 0
    assert (tmp_path / "empty" / "README.md").exists()


def test_two_commands_do_not_write_one_folder(tmp_path, capsys):
    aside = tmp_path / ".out.partial"
    aside.mkdir()
    with FileLock(aside / ".lock"):
        assert export(tmp_path / "out", *SMALL) == 2
    assert "another command is writing" in error_line(capsys)
