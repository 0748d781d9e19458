"""The campaign itself: what its judge calls a fault, what it keeps, and a few real cases."""

import json
import sys

import pytest

from tests.campaign.judge import DONE, REFUSED, Verdict
from tests.campaign.kinds import KINDS, Case
from tests.campaign.results import Results
from tests.campaign.start import ROOT, Ended
from tests.campaign.tiny import differences, picture
from tests.helpers.forked import LONGEST_S, at_work
from world.core.errors import ERROR_PREFIX
from world.core.files import write_json

LINE = f"{ERROR_PREFIX}runs/tiny/config.json is damaged; restore it\n"


def faults(code, err="", named=(), codes=(DONE, REFUSED)):
    verdict = Verdict()
    assert verdict.judge(Ended(("report",), code, "", err), codes, *named) == (not verdict.faults)
    return verdict.faults


def test_a_command_may_end_well_or_with_a_line_that_names_the_file():
    assert faults(DONE) == []
    assert faults(DONE, "a warning\nand another\n") == []
    assert faults(REFUSED, LINE, ["config.json"]) == []


@pytest.mark.parametrize(
    ("code", "err", "fault"),
    [
        (None, "", "it hangs"),
        (1, "Traceback (most recent call last):\n  File\n", "a trace"),
        (DONE, "Traceback (most recent call last):\n  File\n", "a trace"),
        (1, LINE, "exit code 1"),
        (-9, "", "exit code -9: nothing was said"),
        (REFUSED, "", "0 lines"),
        (REFUSED, 2 * LINE, "2 lines"),
        (REFUSED, "config.json is damaged\n", "1 lines"),
        (REFUSED, LINE.replace("config", "state"), "not named: config.json"),
        (REFUSED, f"{ERROR_PREFIX}a worker ended unexpectedly (config.json)\n", "not said what"),
    ],
)
def test_anything_else_is_a_fault(code, err, fault):
    (found,) = faults(code, err, ["config.json"])
    assert found.startswith(fault)


def test_runs_are_the_same_up_to_times_and_what_is_volatile(tmp_path):
    pictures = []
    for number in (1, 2, 3):
        path = tmp_path / str(number)
        write_json(path / "summary.json", {"seconds": {"train": number}, "kept": 4 + number // 3})
        write_json(path / "logs" / "train.log", number)
        pictures.append(picture(path))
    one, same, other = pictures
    assert differences(one, same) == []
    assert differences(one, other) == ["summary.json is another"]
    assert differences(one, {}) == ["summary.json is lost"]
    assert differences({}, one) == ["summary.json is left behind"]


def test_results_go_on_where_they_ended(tmp_path):
    file, results = tmp_path / "out.json", Results(seed=3)
    for _ in range(20):
        case = results.next_case(KINDS)
        results.add(case, Verdict(["it hangs"] if case.kind == "kills" else [], counts={"x": 2}))
    results.save(file)
    again = Results.resumed(file, 3)
    assert again == results
    assert again.next_case(KINDS) == results.next_case(KINDS)
    assert sum(again.tried.values()) == 20
    assert again.failed == {"kills": again.tried["kills"]}
    assert json.loads(file.read_text())["failures"]["kills/0"]["faults"] == ["it hangs"]
    assert f"| {KINDS['kills'].about} | {again.tried['kills']} |" in again.table()
    assert Results.resumed(file, 4) == Results(4)
    assert Results.resumed(tmp_path / "none.json", 3) == Results(3)


def test_kinds_take_their_shares():
    results = Results(0)
    for _ in range(200):
        results.add(results.next_case(["damage", "disk"]), Verdict())
    assert results.tried["damage"] / results.tried["disk"] == pytest.approx(40 / 3, rel=0.2)


def test_a_case_is_the_same_whenever_it_is_asked_for():
    draws = [Case("kills", 3, 7).rng().random() for _ in range(2)]
    others = [Case("kills", 4, 7).rng().random(), Case("kills", 3, 8).rng().random()]
    assert draws[0] == draws[1]
    assert draws[0] not in others


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks processes that have loaded PyTorch")
def test_a_few_cases(tmp_path):
    out = tmp_path / "out.json"
    options = ["--cases", "2", "--only", "damage", "--only", "kills", "--out", str(out)]
    with at_work("tests.campaign", options, ROOT, {"TMPDIR": str(tmp_path)}) as process:
        ended = process.ended(LONGEST_S)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    results = json.loads(out.read_text())
    assert sum(results["tried"].values()) == 2
    assert results["counts"]["damage"]["damaged files"] == results["tried"]["damage"]
    # PyTorch keeps what it compiles for later processes.
    left = [path for path in tmp_path.iterdir() if not path.name.startswith("torchinductor_")]
    assert left == [out]
