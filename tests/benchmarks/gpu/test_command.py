"""The command goes from part to part, whatever becomes of one, and loses nothing that was said."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import command
from benchmarks.gpu.parts import PARTS
from benchmarks.measure import Row

ROOT = Path(command.__file__).parents[2]
ROW = json.dumps({"row": Row("part", "case", 3.0, "s").as_dict()})
CPU = ["--device", "cpu", "--tiny"]


@pytest.fixture
def programs(monkeypatch):
    """Python that runs in place of a part, by the part's name."""
    chosen = {}

    def instead(part, *_):
        return [sys.executable, "-c", chosen[part.name]]

    monkeypatch.setattr(command, "_command", instead)
    monkeypatch.setattr(command, "missing", lambda names: [])
    return chosen


def test_help_of_the_benchmarks_names_it(capsys):
    from benchmarks.__main__ import main

    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "python -m benchmarks gpu" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["gpu", "--help"])
    assert "--minutes" in capsys.readouterr().out


def test_what_cannot_run_is_refused_in_a_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "gpu.json"
    assert command.main(["--out", str(out)]) == 2
    assert capsys.readouterr().err.startswith("no GPU that PyTorch can use")
    assert command.main(["--out", str(out), "--device", "cpu"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not out.exists()
    with pytest.raises(SystemExit, match="2"):
        command.main(["--minutes", "0"])


def test_what_is_not_installed_is_one_line(monkeypatch):
    absent = {"numba", "tyro"}
    monkeypatch.setattr(command, "missing", lambda names: [n for n in names if n in absent])
    parts = [PARTS[name] for name in ("machine", "correlation", "generation")]
    assert list(command.lacking(parts)) == ["not installed here: numba; left out: correlation"]
    absent.remove("numba")
    assert list(command.lacking(list(PARTS.values()))) == [
        "not installed here: tyro; done in part: demo"
    ]
    assert list(command.lacking(parts)) == []


def test_a_part_has_one_device_and_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    monkeypatch.setenv("WORLD_SIZE", "2")
    made = command._environment("cuda", tmp_path)
    assert (made["CUDA_VISIBLE_DEVICES"], made["HF_HUB_OFFLINE"]) == ("3", "1")
    assert "WORLD_SIZE" not in made
    assert made["TMPDIR"] == str(tmp_path)
    assert command._environment("cpu", tmp_path)["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.slow
def test_parts_that_fail_or_hang_cost_no_other(programs, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "LEAST_S", 2.0)
    programs |= {
        "machine": f"print('''{ROW}''', flush=True); print('{{\"row', end='', flush=True)\n"
        "import time; time.sleep(600)",
        "training": "import sys; print('story', file=sys.stderr); sys.exit(3)",
        "voting": """print('{"failed": "ValueError: odd"}'); raise SystemExit(1)""",
        "correlation": f"print('''{ROW}''')",
    }
    out = tmp_path / "gpu.json"
    began = time.monotonic()
    code = command.main([*CPU, "--out", str(out), "--minutes", "0.2", "--only", *programs])
    assert code == 1
    assert time.monotonic() - began < 60
    tree = json.loads(out.read_text())
    assert {part["name"]: part["ended"] for part in tree["parts"]} == {
        "machine": "stopped",
        "training": "failed",
        "voting": "failed",
        "correlation": "done",
    }
    assert [row["value"] for row in tree["rows"]] == [3.0, 3.0]
    assert tree["parts"][1]["errors"] == "story\n"
    said = capsys.readouterr().out
    assert "voting: failed: ValueError: odd" in said
    assert "training: ended with exit code 3" in said


@pytest.mark.slow
@pytest.mark.parametrize(("compiled", "eager"), [(True, False), (False, True)])
def test_a_compiler_that_did_not_work_is_not_asked_again(compiled, eager, monkeypatch, tmp_path):
    asked = {}
    way = "compiled" if compiled else "as written"
    row = json.dumps({"row": Row("training", way, 3.0, "quizzes/s").as_dict()})

    def instead(part, allotted, folder, tiny, eager):
        asked[part.name] = eager
        return [sys.executable, "-c", f"print('''{row}''')"]

    monkeypatch.setattr(command, "_command", instead)
    monkeypatch.setattr(command, "missing", lambda names: [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    command.main(["--out", str(tmp_path / "gpu.json"), "--only", "training", "learning"])
    assert asked == {"training": False, "learning": eager}


@pytest.mark.slow
def test_it_runs_as_it_is_typed(tmp_path):
    out = tmp_path / "gpu.json"
    place = [*CPU, "--minutes", "4", "--only", "machine", "generation", "--out", str(out)]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "gpu", *place, "--markdown"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    tree = json.loads(out.read_text())
    assert [part["ended"] for part in tree["parts"]] == ["done", "done"]
    assert [row["benchmark"] for row in tree["rows"]] == ["machine"] * 3 + ["generation"] * 2
    assert "| generation: whole quizzes, 8 at a time |" in ended.stdout


@pytest.mark.slow
def test_a_command_that_is_ended_ends_its_part_and_keeps_its_rows(tmp_path):
    out = tmp_path / "gpu.json"
    program = (
        "import os, sys; from benchmarks.gpu import command\n"
        "sleeper = '''import os, time\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        f"print({ROW!r}, flush=True)\n"
        "time.sleep(600)'''\n"
        "command._command = lambda *_: [sys.executable, '-c', sleeper]\n"
        f"sys.exit(command.main({[*CPU, '--only', 'machine', '--out', str(out)]!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    end = time.monotonic() + 60
    while time.monotonic() < end and not (out.exists() and json.loads(out.read_text())["rows"]):
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    assert len(json.loads(out.read_text())["rows"]) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
