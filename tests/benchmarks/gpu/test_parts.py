"""Every part gives its figures at a tiny size on a CPU, and goes on after what fails."""

import io
import json
import sys
import time
from functools import cache

import pytest
import torch

from agents import training as agents_training
from benchmarks.gpu import demo, training
from benchmarks.gpu.child import run
from benchmarks.gpu.parts import PARTS, Note, Setting, missing
from benchmarks.measure import device
from benchmarks.tables import line
from culture_sim.presets import presets
from culture_sim.run.run import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(device().type != "cpu", reason="of sizes for a CPU"),
]
UNITS = {
    "machine": ["TFLOP/s", "TFLOP/s", "GB/s"],
    "training": ["quizzes/s"] * 4,
    "learning": ["s", "quizzes"],
    "learning-source": ["s", "quizzes"],
    "generation": ["quizzes/s"] * 2,
    "voting": ["quizzes/s"] * 2,
    "correlation": ["tokens/s"] * 2,
    "demo": ["s", "s"],
}


@pytest.fixture(autouse=True)
def settings_stay():
    """What accelerate and the machine's ceilings change of PyTorch is put back."""
    allowed = torch.backends.cuda.matmul.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32 = allowed


@pytest.fixture
def setting(tmp_path):
    return Setting(time.time() + 600, tmp_path, compiles=False, tiny=True)


def said(part, setting):
    """The exit code of a part, its rows, and the rest of what it said."""
    found = io.StringIO()
    code = run(PARTS[part], setting, found)
    lines = [json.loads(text) for text in found.getvalue().splitlines()]
    rows = [entry["row"] for entry in lines if "row" in entry]
    return code, rows, [entry for entry in lines if "row" not in entry]


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """What a part said, each done once; of the demo its stages by themselves."""

    @cache
    def done(part):
        setting = Setting(
            time.time() + 600, tmp_path_factory.mktemp(part), compiles=False, tiny=True
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(demo, "missing", lambda names: ["tyro"] if "tyro" in names else [])
            return said(part, setting)

    return done


@pytest.mark.parametrize("part", PARTS)
def test_a_part_gives_its_rows(part, ended):
    code, rows, others = ended(part)
    assert code == 0, others
    assert [row["unit"] for row in rows] == UNITS[part]
    for row in rows:
        assert row["value"] > 0
        assert line(row).startswith(f"{row['benchmark']}: {row['case']}: ")
    assert all(note.keys() == {"note", "figures"} for note in others)


def test_training_says_which_share_of_the_ceiling_it_reaches(ended):
    _, rows, _ = ended("training")
    assert [row["case"] for row in rows] == [
        "default recipe, batch 16, as written",
        "source recipe, batch 25, as written",
        "default recipe, batch 64, as written",
        "source recipe, batch 64, as written",
    ]
    assert all(0 < row["of_floor"] < 1 for row in rows)
    assert rows[1]["floor_of"].endswith("in float32")


def test_learning_says_where_it_is_after_every_epoch(ended):
    _, rows, notes = ended("learning")
    lines = [note["figures"] for note in notes]
    seen = [entry["quizzes"] for entry in lines]
    assert seen == sorted(set(seen))
    assert (rows[0]["value"], rows[1]["value"]) == (lines[-1]["seconds"], lines[-1]["quizzes"])
    assert rows[0]["of_floor"] > 0


def refuse(*_):
    raise RuntimeError("no compiler\nand a long story")


def test_a_compiler_that_fails_costs_only_what_is_compiled(setting, monkeypatch):
    monkeypatch.setattr(torch, "compile", refuse)
    setting = Setting(setting.until, setting.folder, compiles=True, tiny=True)
    code, rows, others = said("training", setting)
    assert (code, len(rows)) == (0, 4)
    failed = {note["note"] for note in others if "compiled" in note["note"]}
    assert "default recipe, batch its own, compiled: RuntimeError: no compiler" in failed
    assert "source recipe, batch its own, compiled: RuntimeError: no compiler" in failed


def test_the_best_batch_is_compiled_as_well(setting, monkeypatch):
    def speed(setting, name, batch, compiles):
        batch = batch or 32
        quizzes = batch * (10.0 if compiles else 1.0)
        return training.Speed(batch, quizzes, 2.0, 0.5, 1e9, 1e12, "bf16", 0)

    monkeypatch.setattr(training, "_speed", speed)
    setting = Setting(setting.until, setting.folder, compiles=True, tiny=True)
    _, rows, _ = said("training", setting)
    default = [row for row in rows if row["case"].startswith("default")]
    assert [(row["case"].partition(", ")[2], row["value"]) for row in default] == [
        ("batch 32, as written", 32.0),
        ("batch 32, compiled", 320.0),
        ("batch 32, compiled", 1.5),
        ("batch 64, as written", 64.0),
        ("batch 64, compiled", 640.0),
        ("batch 64, compiled", 1.5),
    ]


def test_learning_goes_on_without_a_compiler(setting, monkeypatch):
    def compiled(model, choice):
        return model if choice == "off" else refuse()

    monkeypatch.setattr(agents_training, "compiled", compiled)
    setting = Setting(setting.until, setting.folder, compiles=True, tiny=True)
    code, rows, notes = said("learning", setting)
    assert (code, len(rows)) == (0, 2)
    assert notes[0]["note"].endswith("RuntimeError: no compiler; again without torch.compile")


def test_no_time_is_said(setting):
    setting = Setting(time.time() - 1, setting.folder, compiles=True, tiny=True)
    code, rows, notes = said("training", setting)
    assert (code, rows) == (0, [])
    assert all(note["note"].endswith("no time left") for note in notes)


def test_no_memory_for_a_batch_leaves_the_others(setting, monkeypatch):
    measured = training._speed

    def speed(setting, name, batch, compiles):
        if batch == training.TINY[0]:
            raise torch.OutOfMemoryError("out of memory")
        return measured(setting, name, batch, compiles)

    monkeypatch.setattr(training, "_speed", speed)
    code, rows, notes = said("training", setting)
    assert (code, len(rows)) == (0, 2)
    assert [note["note"] for note in notes] == [
        f"{name} recipe, batch 64, as written: OutOfMemoryError: out of memory"
        for name in training.PAIR
    ]


@pytest.mark.parametrize(
    ("end", "code", "last"),
    [
        ("", 0, None),
        ("raise SystemExit('out of luck')", 1, {"failed": "RuntimeError: out of luck"}),
        (
            "import time; time.sleep(60)",
            0,
            {"note": "stopped before its end: no time left", "figures": {}},
        ),
    ],
    ids=["ends", "fails", "hangs"],
)
def test_the_demo_says_how_long_its_stages_took(end, code, last, setting, monkeypatch):
    run = Run.start(setting.folder / "demo", presets["smoke"](), "smoke")
    run.add_summary("seconds", {"train": 2.5})
    monkeypatch.setattr(demo, "missing", lambda names: [])
    monkeypatch.setattr(demo, "command", lambda *_: [sys.executable, "-c", end])
    if "sleep" in end:
        setting = Setting(time.time() + 3, setting.folder, tiny=True)
    ended, rows, others = said("demo", setting)
    assert ended == code
    assert (rows[0]["case"], rows[0]["value"]) == ("train", 2.5)
    assert [row["case"] for row in rows[1:]] == ([] if end else ["everything"])
    assert others == ([last] if last else [])


def test_what_fails_is_one_line(setting, monkeypatch):
    monkeypatch.setattr(training, "figures", refuse)
    assert said("training", setting) == (1, [], [{"failed": "RuntimeError: no compiler"}])


def test_packages_that_are_not_there_are_missing():
    assert missing(("torch", "no_such_package", "torch.no.such")) == [
        "no_such_package",
        "torch.no.such",
    ]
    assert Note("text").figures == {}
