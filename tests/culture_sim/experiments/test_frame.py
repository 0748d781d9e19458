"""An experiment from the command line: made once, gone on with, refused, told."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pandas as pd
import pytest

from culture_sim.cli import main
from culture_sim.experiments.findings import COLUMNS, share, tidy
from culture_sim.experiments.units import Place, claimed, is_made, make
from tests.culture_sim.experiments import toy
from tests.helpers.commands import Ended, culture_sim
from tests.helpers.launched import at_work
from tests.helpers.processes import PATIENCE_S, wait_until

PLUGIN = ("--plugin", "tests.culture_sim.experiments.toy")


def words_of(folder: Path, *words: str) -> list[str]:
    return ["experiment", "toy", "--runs", str(folder), *PLUGIN, "--processes", "1", *words]


def run(folder: Path, *words: str) -> Ended:
    return culture_sim(*words_of(folder, *words))


def times(folder: Path, seed: int) -> int:
    """How often a number was made."""
    path = folder / f"experiment-toy/units/numbers/{seed}/times.txt"
    return len(path.read_text().splitlines())


@pytest.mark.slow
def test_results_are_told_and_a_second_run_makes_nothing_again(tmp_path: Path) -> None:
    told = run(tmp_path)
    assert told.returncode == 0, told.stderr
    assert "confirmed" in told.stdout
    folder = tmp_path / "experiment-toy"
    table = pd.read_parquet(folder / "results.parquet")
    assert list(table.columns) == ["seed", *COLUMNS]
    assert table["value"].tolist() == [3.0]
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["found"] == {"sum": 3}
    assert summary["verdicts"][0]["answer"] == "confirmed"
    page = (folder / "report/index.html").read_text()
    assert "&lt;numbers&gt;" in page
    assert page.count("<svg") == 1
    assert (folder / "report/sum.svg").exists()
    assert run(tmp_path, "--seeds", "4").returncode == 0
    assert [times(tmp_path, seed) for seed in range(4)] == [1] * 4


@pytest.mark.slow
def test_a_sum_of_other_numbers_is_refused_with_the_way_out(tmp_path: Path) -> None:
    run(tmp_path)
    refused = run(tmp_path, "--factor", "2")
    assert refused.returncode == 2
    said = refused.stderr
    assert "numbers/0 was made with another factor" in said
    assert "--name" in said
    assert run(tmp_path, "--factor", "2", "--name", "other").returncode == 0


@pytest.mark.slow
def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "experiment-toy/units/numbers/2/number.txt").write_text("7")
    assert run(tmp_path).returncode == 0
    assert [times(tmp_path, seed) for seed in range(3)] == [1, 1, 2]


@pytest.mark.slow
def test_quick_has_its_own_defaults_and_says_that_it_means_nothing(tmp_path: Path) -> None:
    ended, folder = run(tmp_path, "--quick"), tmp_path / "experiment-toy"
    assert ended.returncode == 0
    assert not (folder / "units/numbers/1").exists()
    assert "the verdicts mean nothing" in ended.stdout
    page = folder / "report" / "index.html"
    assert "the verdicts mean nothing" in page.read_text()
    assert "the verdicts mean nothing" not in run(tmp_path).stdout
    assert "the verdicts mean nothing" not in page.read_text()


@pytest.mark.slow
def test_what_a_unit_refuses_is_one_line(tmp_path: Path) -> None:
    refused = run(tmp_path, "--factor", "-1")
    assert refused.returncode == 2
    assert "factor must not be negative" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "known: "),
        (["dance"], "unknown experiment 'dance'"),
        (["toy", *PLUGIN, "--seeds", "many"], "seeds"),
        (["toy", *PLUGIN, "--name", "a/b"], "--name"),
        (["toy", *PLUGIN, "--processes", "0"], "processes"),
    ],
)
def test_bad_options_get_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experiment", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "config.json").write_text("{}")
    assert main(words_of(tmp_path, "--name", "a")) == 2
    assert "is a run" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupted_experiment_goes_on(tmp_path: Path) -> None:
    first = tmp_path / "experiment-toy/units/numbers/0/number.txt"
    with at_work(words_of(tmp_path, "--seconds", "2")) as process:
        wait_until(first.exists, process)
        process.send_signal(signal.SIGINT)
        ended = process.ended(PATIENCE_S)
    assert ended.returncode == 130, ended.stderr
    assert run(tmp_path, "--seconds", "2").returncode == 0
    assert times(tmp_path, 0) <= 2
    assert [times(tmp_path, seed) for seed in (1, 2)] == [1, 1]


def test_a_unit_is_made_by_one_process_at_a_time(tmp_path: Path) -> None:
    place, unit = Place(tmp_path), toy.Number(seed=1, factor=2, seconds=0.0)
    assert not is_made(place, unit)
    with claimed(place, unit) as mine:
        assert mine
        with claimed(place, unit) as another:
            assert not another
        make(place, unit)
    assert is_made(place, unit)
    assert not is_made(place, toy.Number(seed=1, factor=3, seconds=0.0))


def test_rows_have_the_documented_columns() -> None:
    rows = [share("accuracy", 3, 4, unit="a", by="kind", group="dip", seed=1)]
    table = tidy(rows, {"seed": "int64"})
    assert table.loc[0, "value"] == 0.75
    assert 0.3 < table.loc[0, "low"] < 0.75 < table.loc[0, "high"] < 1
    assert table.dtypes["support"] == "int64"
    assert tidy([], {"seed": "int64"}).empty
    with pytest.raises(KeyError):
        tidy([{"measure": "a"}], {"seed": "int64"})
