"""Writing a dataset: interruptions, memory, and what is refused."""

import shutil
import signal

import pandas
import pytest

from culture_sim.cli import main
from culture_sim.export import dataset
from tests.helpers.exporting import SMALL, error_line, export, of_run, tree
from tests.helpers.forked import run_script
from tests.helpers.launched import at_work
from tests.helpers.names import REFUSED, TAKEN
from tests.helpers.processes import wait_until

# Interruptions


@pytest.mark.parametrize("moment", [1, 4, 6])
def test_an_interrupted_export_leaves_nothing(tmp_path, monkeypatch, capsys, moment):
    """Interrupted in one of 6 tables of text; the same command then writes all."""
    calls, real = [], dataset.text_rows

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == moment:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(dataset, "text_rows", interrupted)
    out = tmp_path / "quizzes"
    assert export(out, *SMALL) == 130
    assert "interrupted; nothing is kept" in error_line(capsys)
    assert list(tmp_path.iterdir()) == []
    assert export(out, *SMALL) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["quizzes"]
    assert len(calls) == moment + 6


MANY = ("--world.tasks", "frame", "detect", "--quizzes", "200000")


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_export_leaves_no_folder_of_its_name(tmp_path, sign):
    (place := tmp_path / "place").mkdir()
    words = ["export", "dataset", *MANY, "--out", place / "cut"]
    with at_work(words) as process:
        wait_until(lambda: any(place.rglob("*.parquet")), process)
        process.send_signal(sign)
        ended = process.ended()
    assert ended.returncode == (-sign if sign == signal.SIGKILL else 130)
    assert ended.stderr.count("\n") == (sign != signal.SIGKILL)
    assert not (place / "cut").exists()
    assert (list(place.iterdir()) == []) == (sign != signal.SIGKILL)
    assert export(place / "cut", *SMALL) == 0


@pytest.mark.slow
def test_memory_is_bounded_by_a_file(tmp_path):
    """Peak resident memory, of processes of their own: not by the number of files."""

    script = tmp_path / "measured.py"
    script.write_text(
        "import resource, sys; from culture_sim.export import quizzes; quizzes.SHARD = 2500; "
        "from culture_sim.cli import main; main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(quizzes):
        (place := tmp_path / str(quizzes)).mkdir()
        options = ["--world.tasks", "frame", "--quizzes", quizzes, "--text"]
        ended = run_script(script, ["export", "dataset", *options, "--out", place / "out"], place)
        return int(ended.stdout.split()[-1]) / 1024

    assert peak(40_000) - peak(10_000) < 15


# Refusals


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--quizzes", "0"], "--quizzes must be at least 1, got 0"),
        (["--run", "none"], "there is no run at"),
        (["--run", "a", "--preset", "compact"], "give --preset or --run, not both"),
        (["--preset", "none"], "unknown preset 'none'"),
        (["--world.tasks", "none"], "unknown task 'none'"),
        (["--private"], "--private needs --push-to-hub"),
        (["--overwrite"], "--overwrite needs --push-to-hub"),
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
    assert "say what to export; known: agents, dataset, features, saes" in error_line(capsys)


def test_a_place_must_be_given(capsys):
    assert main(["export", "dataset"]) == 2
    assert "--out" in error_line(capsys)


def test_help_lists_what_can_be_exported(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["export", "--help"])
    assert ended.value.code == 0
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


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_no_reader_finds_is_refused(tmp_path, capsys, name):
    assert export(tmp_path / name, *SMALL) == 2
    assert "would not be found" in error_line(capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TAKEN)
def test_a_folder_of_any_other_name_is_loaded(tmp_path, monkeypatch, load, name):
    few = ("--world.tasks", "frame", "--quizzes", "10")
    assert export(tmp_path / name, *few) == 0
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, name):
        assert len(load(path, "world", split="train")) == 8
        assert len(list(load(path, "world", split="train", streaming=True))) == 8
    assert len(pandas.read_parquet(tmp_path / name / "data/world/train")) == 8


def test_an_empty_folder_is_a_new_one(tmp_path):
    (tmp_path / "empty").mkdir()
    assert export(tmp_path / "empty", "--world.tasks", "frame", "--quizzes", "10") == 0
    assert (tmp_path / "empty" / "README.md").exists()
