"""A run is a folder under --runs: each command refuses a name that is none, in one line."""

from __future__ import annotations

import pytest

from culture_sim.cli import main
from culture_sim.run.places import LONGEST, new_run_path, run_path
from world.core.errors import UserError

REFUSED = (
    *("", ".", "..", "../x", "a/b", "a/", "/tmp/x", "a\\b", ".hidden", " a", "a ", "a."),
    *("a\0b", "a\nb", "\udcff", "CON", "nul.txt", "x" * (LONGEST + 1)),
)
COMMANDS = (
    ("train-agents", "--run"),
    ("report", "--run"),
    ("quizzes", "--run"),
    ("effects", "--run"),
    ("analyze", "--run"),
    ("export", "--run"),
    ("study", "--name"),
    ("experiment", "--name"),
)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_name_of_a_folder_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="--run must be the name of a folder in") as caught:
        run_path(tmp_path, name)
    assert "\n" not in str(caught.value)


def test_a_folder_whose_name_was_not_decoded_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has other characters; set PYTHONUTF8=1$"):
        run_path(tmp_path / "\udcff", "run")


@pytest.mark.parametrize("name", ["compact", "a-b_c.2", "quiz[6x6]", "学習", "console"])
def test_what_is_one_is_not(tmp_path, name):
    assert run_path(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize("name", ["quiz[6x6]", "a?", "~a", "a:b", "a.py", ".."])
def test_a_new_run_has_a_name_that_other_programs_read(tmp_path, name):
    with pytest.raises(UserError, match="--name") as caught:
        new_run_path(tmp_path, name, "--name")
    assert "\n" not in str(caught.value)


def test_a_run_that_is_there_keeps_its_name(tmp_path):
    (tmp_path / "quiz[6x6]").mkdir()
    assert new_run_path(tmp_path, "quiz[6x6]").is_dir()
    assert new_run_path(tmp_path, "quiz-6x6") == tmp_path / "quiz-6x6"


@pytest.mark.parametrize(("command", "option"), COMMANDS)
@pytest.mark.parametrize("name", ["..", "", "../beside"])
def test_every_command_refuses_and_writes_nothing(tmp_path, capsys, command, option, name):
    (tmp_path / "runs").mkdir()
    more = {"export": ["dataset", "--out", str(tmp_path / "out")], "experiment": ["brackets"]}
    assert (
        main(
            [command, *more.get(command, []), "--runs", str(tmp_path / "runs"), f"{option}={name}"]
        )
        == 2
    )
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{option} must be the name of a folder in" in error
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert not list((tmp_path / "runs").iterdir())


def test_a_file_in_its_place_is_said_to_be_one(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "lost").symlink_to(tmp_path / "unmounted" / "run")
    for runs, name in ((tmp_path, "file"), (tmp_path / "file", "run"), (tmp_path, "lost")):
        for command in ("train-agents", "report", "quizzes"):
            assert main([command, "--runs", str(runs), "--run", name]) == 2
            error = capsys.readouterr().err
            assert error.count("\n") == 1
            assert "not a folder; give another --run" in error


def test_a_link_to_a_folder_is_a_place(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    assert run_path(tmp_path, "run").is_dir()


@pytest.mark.parametrize(
    "words",
    [
        ["export", "dataset", "--preset", "smoke", "--quizzes", "8", "--out", "PLACE"],
        ["quizzes", "--count", "1", "--png", "PLACE"],
        ["train-agents", "--config", "PLACE"],
        ["train-agents", "--runs", "PLACE"],
    ],
)
@pytest.mark.parametrize("place", ["file/x", "n" * 300, "a\0b"])
def test_other_options_that_name_a_place_are_refused_in_a_line(tmp_path, capsys, words, place):
    (tmp_path / "file").write_text("")
    words = [str(tmp_path / place) if word == "PLACE" else word for word in words]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("culture-sim: error: ")
    assert error.count("\n") == 1
