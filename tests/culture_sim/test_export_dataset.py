"""Exported datasets as their users meet them: loaded by Hugging Face datasets without a network."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import datasets
import huggingface_hub
import numpy as np
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st

from culture_sim.cli import main
from culture_sim.export import parts
from culture_sim.export.columns import MEANING
from culture_sim.export.schema import culture_features, text_features, world_features
from culture_sim.export.text import to_text, verify
from culture_sim.export.verify_quiz import MalformedError, parse_grid, parse_prompt
from culture_sim.export.verify_quiz import verify as compare
from culture_sim.records import array_of
from culture_sim.run import Run
from culture_sim.store import CultureStore
from tests.culture_sim.stored_round import EASY, HARD, HELD_OUT, SAE_SPLIT, TEST, TRAIN
from world import SPLITS, UNKNOWN_TASK, QuizBatch, Stream
from world.task import tasks
from world.worlds.grids import PARTS, GridsWorld

QUIZZES, SHARD = 3000, 500
WORLD = GridsWorld(tasks=("frame", "detect"))
SMALL = [
    "--world.tasks", *WORLD.tasks,
    "--quizzes", str(QUIZZES), "--shard-quizzes", str(SHARD), "--seed", "7", "--text",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_):
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def export(out, *options):
    """The command; returns the exit code."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        return main(["export", "dataset", "--out", str(out), *options])
    finally:
        signal.signal(signal.SIGTERM, before)


def of_run(run):
    return ["--runs", str(run.parent), "--run", run.name]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A small world as a dataset; not to be changed."""
    out = tmp_path_factory.mktemp("written") / "quizzes"
    assert export(out, *SMALL) == 0
    return out


@pytest.fixture(scope="module")
def cultured(stored, tmp_path_factory):
    """The dataset of a run with one round of culture; not to be changed."""
    out = tmp_path_factory.mktemp("cultured") / "quizzes"
    assert export(out, *of_run(stored), "--quizzes", "2000", "--text") == 0
    return out


@pytest.fixture
def load(tmp_path):
    """Loads a configuration as a user would, with a cache of its own."""
    return lambda folder, name=None, **options: datasets.load_dataset(
        str(folder), name, cache_dir=str(tmp_path / "cache"), **options
    )


def grids(rows):
    """uint8 [B, 4, H, W] of a dataset with grids."""
    columns = rows.with_format("numpy", dtype=np.uint8)
    return np.stack([columns[part] for part in PARTS], axis=1)


def drawn_from(rows):
    """The quizzes of a dataset with tokens."""
    columns = rows.with_format("numpy")
    return QuizBatch(
        np.asarray(columns["tokens"], dtype=np.uint8),
        np.asarray(columns["structure"], dtype=np.uint8),
        np.full(len(rows), UNKNOWN_TASK, dtype=np.int16),
    )


def tree(folder):
    """Every file by its path in the folder, with its bytes."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def error_line(capsys):
    error = capsys.readouterr().err
    assert error.startswith("culture-sim: error: ")
    assert error.count("\n") == 1
    return error


# The world


def test_the_world_is_the_default_with_its_splits_and_types(written, load):
    found = load(written)
    assert {split: len(rows) for split, rows in found.items()} == {
        "train": 2400,
        "test": 300,
        "sae": 300,
    }
    for rows in found.values():
        assert rows.features == world_features(WORLD)
    types = found["train"].features
    assert types["A"] == datasets.Array2D((6, 6), "uint8")
    assert types["task"].names == list(WORLD.tasks)
    assert types["structure"].names == [structure.name for structure in WORLD.structures]


def test_rows_are_the_worlds_quizzes(written, load):
    """The same quizzes drawn again by index, and obeying their task's rule."""
    rows = load(written, "world-detect", split="test")
    batch = parts.draw_task(WORLD, 7, "test", 1, 0, len(rows))
    assert len(rows) == 150
    assert np.array_equal(rows.with_format("numpy")["tokens"], batch.tokens)
    assert np.array_equal(grids(rows), WORLD.grids(batch))
    assert rows["structure"][:] == batch.structure.tolist()
    assert set(rows["structure"]) == set(WORLD.answer_structures)
    assert rows["index"][:] == list(range(len(rows)))
    assert rows["hash"][:] == [f"{h:016x}" for h in WORLD.canonical_hash(batch).tolist()]
    assert all(tasks["detect"]().verify(*quiz) for quiz in grids(rows))


def test_each_task_is_a_part_that_loads_alone(written, load):
    whole = load(written, "world")
    for task, name in enumerate(WORLD.tasks):
        alone = load(written, f"world-{name}")
        for split in SPLITS:
            assert set(alone[split]["task"]) == {task}
            rows = whole[split].with_format("pandas")[:]
            assert alone[split]["hash"][:] == rows["hash"][rows["task"] == task].tolist()
    assert sorted(datasets.get_dataset_config_names(str(written))) == sorted(
        [f"{kind}{of}" for kind in ("world", "text") for of in ("", "-frame", "-detect")]
    )


def test_shards_are_no_larger_than_asked(written):
    sizes = {path: pq.read_metadata(path).num_rows for path in written.glob("data/*/*/*/*")}
    assert max(sizes.values()) == SHARD
    assert sorted(p.name for p in written.glob("data/world/train/frame/*")) == [
        f"{i:05d}.parquet" for i in range(3)
    ]


def test_rows_can_be_streamed_and_typed(written, load):
    streamed = load(written, "world", split="train", streaming=True)
    assert streamed.features == world_features(WORLD)
    first = next(iter(streamed))
    again = load(written, "world", split="train")[0]
    assert first == again


def test_readers_without_hugging_face_find_plain_types(written):
    path = next(written.glob("data/world/test/frame/*"))
    types = {field.name: str(field.type) for field in pq.read_schema(path)}
    assert types["A"] == "list<element: list<element: uint8>>"
    assert types["tokens"] == f"fixed_size_list<element: uint8>[{WORLD.seq_len}]"


def test_a_handful_of_quizzes_has_the_splits_that_it_fills(tmp_path, load):
    assert export(tmp_path / "few", "--world.tasks", "frame", "detect", "--quizzes", "5") == 0
    found = load(tmp_path / "few")
    assert {split: len(rows) for split, rows in found.items()} == {"train": 5}


# Splits


def test_no_quiz_is_in_two_splits(cultured, load):
    """By the hash of the grids as they are loaded, over every configuration, renamed or not."""
    world, rng = GridsWorld(tasks=("frame", "detect")), np.random.default_rng(0)
    found = {split: set() for split in SPLITS}
    for name in ("world", "culture", "culture-proposals"):
        for split, rows in load(cultured, name).items():
            batch = drawn_from(rows)
            hashes = world.canonical_hash(batch)
            assert (world.split(hashes) == SPLITS.index(split)).all()
            assert rows["hash"][:] == [f"{h:016x}" for h in hashes.tolist()]
            names = np.concatenate([[0], 1 + rng.permutation(world.colours), np.arange(7, 11)])
            renamed = QuizBatch(names.astype(np.uint8)[batch.tokens], batch.structure, batch.task)
            assert np.array_equal(world.canonical_hash(renamed), hashes)
            found[split] |= set(hashes.tolist())
    for name in ("text", "culture-text"):
        for split, rows in load(cultured, name).items():
            assert {int(h, 16) for h in rows["hash"]} <= found[split]
    assert all(found.values())
    assert not found["train"] & found["test"]
    assert not found["train"] & found["sae"]
    assert not found["test"] & found["sae"]


# Culture


def test_culture_has_every_quiz_and_all_that_the_store_knows(stored, cultured, load):
    kept, proposals = load(cultured, "culture"), load(cultured, "culture-proposals")
    assert {s: len(rows) for s, rows in kept.items()} == {
        "train": TRAIN,
        "test": TEST,
        "sae": SAE_SPLIT,
    }
    assert sum(map(len, proposals.values())) == TRAIN + HELD_OUT + EASY + HARD
    assert all(all(rows["keep"]) for rows in kept.values())
    table = CultureStore(stored / "culture").table(1)
    assert kept["train"].features == culture_features(Run.open(stored).config.world, table.schema)
    for split, rows in proposals.items():
        there = [table["hash"].to_pylist().index(h) for h in rows["hash"]]
        for name in set(table.column_names) - {"split"}:
            assert rows[name][:] == table[name].take(there).to_pylist(), (split, name)
        world = Run.open(stored).config.world
        assert np.array_equal(
            grids(rows).reshape(len(rows), 4, -1),
            array_of(table, "tokens")[there].reshape(-1, 4, 1 + world.cells)[:, :, 1:],
        )


def test_kept_quizzes_are_text_too(cultured, load):
    for split, rows in load(cultured, "culture-text").items():
        made = {row["hash"]: row for row in load(cultured, "culture", split=split)}
        assert len(rows) == len(made)
        for row in rows:
            shown, asked = parse_prompt(row["prompt"])
            quiz = {**shown, asked: parse_grid(row["completion"])}
            assert [quiz[label] for label in ("A", "f(A)", "B", "f(B)")] == [
                made[row["hash"]][part] for part in PARTS
            ]


def test_without_culture_a_run_gives_its_world(stored, tmp_path, load):
    assert export(tmp_path / "w", *of_run(stored), "--no-culture", "--quizzes", "100") == 0
    assert datasets.get_dataset_config_names(str(tmp_path / "w")) == [
        "world",
        "world-detect",
        "world-frame",
    ]


# The card


def test_the_card_says_what_it_is_and_how_it_was_made(cultured):
    card = DatasetCard.load(cultured / "README.md")
    assert card.data.license == "mit"
    assert card.data.size_categories == "1K<n<10K"
    default = [config["config_name"] for config in card.data.configs if config.get("default")]
    assert default == ["world"]
    for name in ("world", "culture-proposals", "text"):
        (info,) = [i for i in card.data.dataset_info if i["config_name"] == name]
        assert [split["name"] for split in info["splits"]] == list(SPLITS)
    assert "culture-sim export dataset --run stored --quizzes 2000 --seed 0" in card.text
    assert str(cultured.parent) not in card.content
    assert "6x6 cells, 6 colours" in card.text
    assert re.search(r"numpy \d+\.\d+", card.text)
    assert (
        f"| 1 | {TRAIN + HELD_OUT + EASY + HARD} | {TRAIN + HELD_OUT} | four_of_five |" in card.text
    )
    assert (
        f"| `culture` | quizzes that agents made and kept | {TRAIN} | {TEST} | {SAE_SPLIT} |"
        in (card.text)
    )


def test_the_cards_counts_of_distinct_quizzes_are_true(written, load):
    text = DatasetCard.load(written / "README.md").text
    hashes = load(written, "world-frame", split="train")["hash"][:]
    assert f"| frame | {len(set(hashes)):,} of {len(hashes):,} |" in text


def test_the_command_of_the_card_makes_the_same_quizzes(written, tmp_path):
    text = DatasetCard.load(written / "README.md").text
    (command,) = re.findall(r"^    culture-sim export dataset (.+) --out FOLDER$", text, re.M)
    assert export(tmp_path / "again", *command.split()) == 0
    assert tree(tmp_path / "again") == tree(written)


def test_every_column_is_explained(stored):
    world = Run.open(stored).config.world
    schema = CultureStore(stored / "culture").table(1).schema
    columns = {
        *world_features(world),
        *text_features(world, True),
        *culture_features(world, schema),
    }
    assert columns == set(MEANING)


# Text


@pytest.fixture(params=tasks)
def task(request):
    return request.param


def quizzes_as_text(world, name, count=64):
    batch = world.draw(Stream(3, f"text/{name}"), 0, count, "test")
    structure = np.resize(np.array(world.answer_structures, dtype=np.uint8), count)
    batch = world.arrange(batch, structure)
    return batch, *to_text(world, batch)


def test_text_says_what_the_grids_do(written, load):
    texts, rows = load(written, "text", split="sae"), load(written, "world", split="sae")
    orders = rows.features["structure"].names
    for text, row in zip(texts, rows, strict=True):
        assert text["hash"] == row["hash"]
        assert text["task"] == WORLD.tasks[row["task"]]
        *_, asked = order = orders[row["structure"]].split(",")
        labels = [f"f({name[1]})" if name[0] == "f" else name for name in order]
        assert re.findall(r"^(.+):$", text["prompt"], re.M) == labels
        assert parse_grid(text["completion"]) == row[asked]
        shown, label = parse_prompt(text["prompt"])
        assert label == labels[-1]
        assert list(shown.values()) == [row[part] for part in order[:-1]]


def test_more_colours_than_digits_are_written_as_numbers():
    world = GridsWorld(colours=30, tasks=("frame",))
    batch, prompts, completions = quizzes_as_text(world, "frame")
    assert batch.tokens[:, :10].max() > 9
    for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        assert parse_grid(completion) == batch.tokens[i, -world.cells :].reshape(6, 6).tolist()
        assert verify("frame", prompt, completion).correct


def test_verifiers_accept_right_answers_and_no_other(task):
    world, rng = GridsWorld(tasks=(task,)), np.random.default_rng(1)
    _, prompts, completions = quizzes_as_text(world, task)
    for prompt, completion in zip(prompts, completions, strict=True):
        for answer in (completion, f"\n{completion}  \n\n"):
            assert compare(answer, completion) == (True, 0, "right")
            assert verify(task, prompt, answer).correct
        wrong = np.array(parse_grid(completion))
        cell = rng.integers(6, size=2)
        wrong[tuple(cell)] = (wrong[tuple(cell)] + rng.integers(1, 7)) % 7
        text = "\n".join(" ".join(map(str, row)) for row in wrong)
        assert compare(text, completion) == (False, 1, "1 cells wrong")
        assert not verify(task, prompt, text).correct
        other = completions[(completions.index(completion) + 1) % len(completions)]
        assert compare(other, completion).correct == (other == completion)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda _: "", "empty"),
        (lambda _: " \n\n ", "empty"),
        (lambda text: text[: text.rindex("\n")], "malformed"),
        (lambda text: f"{text}\n{text}", "malformed"),
        (lambda text: text.rsplit(" ", 1)[0], "malformed"),
        (lambda text: text.replace(text[0], "x", 1), "malformed"),
        (lambda text: text.replace(text[0], "-1", 1), "malformed"),
        (lambda text: text.replace(text[0], "1.0", 1), "malformed"),
        (lambda text: text.replace(text[0], "\u0660", 1), "malformed"),
        (lambda text: text.replace(text[0], "9" * 5000, 1), "malformed"),
        (lambda text: f"The answer is:\n{text}", "malformed"),
        (lambda text: f"{text}\nThat is the answer.", "malformed"),
        (lambda text: text.replace(" ", ""), "malformed"),
        (lambda text: f"```\n{text}\n```", "malformed"),
        (lambda text: str(parse_grid(text)), "malformed"),
    ],
)
def test_malformed_answers_are_wrong(damage, says):
    _, prompts, completions = quizzes_as_text(GridsWorld(tasks=("frame",)), "frame", 8)
    for prompt, completion in zip(prompts, completions, strict=True):
        for found in (
            compare(damage(completion), completion),
            verify("frame", prompt, damage(completion)),
        ):
            assert not found.correct
            assert found.wrong_cells is None
            assert says in found.reason


@given(st.text(alphabet="0123 \n-x", max_size=60))
def test_no_answer_breaks_a_verifier(text):
    prompt, completion = EXAMPLE
    for found in (compare(text, completion), verify("frame", prompt, text)):
        assert not found.correct


EXAMPLE = [column[0] for column in quizzes_as_text(GridsWorld(tasks=("frame",)), "frame", 1)[1:]]


@given(st.lists(st.integers(0, 255), min_size=36, max_size=36), st.sampled_from(list(tasks)))
def test_any_grid_is_judged(cells, task):
    text = "\n".join(" ".join(map(str, cells[i : i + 6])) for i in range(0, 36, 6))
    prompt, _ = EXAMPLE
    assert verify(task, prompt, text).correct in (True, False)


def test_what_is_no_prompt_is_refused():
    with pytest.raises(MalformedError, match="a prompt shows three of"):
        verify("frame", "What is 2 + 2?", "4")


def test_the_verifier_runs_alone_in_the_folder(written, load, tmp_path):
    """Copied away from the project, by an interpreter without site-packages."""
    rows = load(written, "text", split="test")
    answers = [row["completion"] for row in rows]
    answers[0], answers[1] = "nonsense", answers[1].replace("0", "6", 1)
    lines = [
        json.dumps({"prediction": answer, "completion": row["completion"], "task": row["task"]})
        for answer, row in zip(answers, rows, strict=True)
    ]
    (tmp_path / "predictions.jsonl").write_text("\n".join(lines) + "\n")
    shutil.copy(written / "verify_quiz.py", tmp_path)

    def run(*arguments):
        command = [sys.executable, "-I", "-S", "verify_quiz.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("predictions.jsonl")
    assert done.returncode == 0, done.stderr
    said = [re.split(r"\s{2,}", line) for line in done.stdout.splitlines()]
    assert ["all", "298 of 300 right (99.3%), 1 malformed"] in said
    assert ["detect", "148 of 150 right (98.7%), 1 malformed"] in said or (
        ["frame", "148 of 150 right (98.7%), 1 malformed"] in said
    )
    (tmp_path / "bad.jsonl").write_text('{"prediction": "0"}\n')
    for arguments in (["none.jsonl"], ["bad.jsonl"], []):
        failed = run(*arguments)
        assert failed.returncode == 2
        assert failed.stderr.count("\n") == 1


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


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_export_goes_on_and_ends_the_same(tmp_path, sign):
    options = ["--world.tasks", "frame", "--quizzes", "40000", "--shard-quizzes", "4096"]

    def start(name):
        command = [sys.executable, "-m", "culture_sim", "export", "dataset", *options]
        return subprocess.Popen([*command, "--out", str(tmp_path / name)], stderr=subprocess.PIPE)

    process = start("cut")
    until = time.monotonic() + 120
    while len(list(tmp_path.rglob("*.parquet"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(sign)
    _, said = process.communicate()
    assert process.returncode == (-sign if sign == signal.SIGKILL else 130)
    assert said.count(b"\n") == (sign != signal.SIGKILL)
    assert not (tmp_path / "cut").exists()
    for name in ("cut", "whole"):
        process = start(name)
        process.communicate()
        assert process.returncode == 0
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")


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


# The Hub


class Hub:
    """Stands in for the network: what would be sent to the Hub, and what it would answer."""

    def __init__(self, monkeypatch):
        self.calls, self.failure = [], None
        monkeypatch.setattr(huggingface_hub.HfApi, "whoami", self._whoami)
        monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", self._create_repo)
        monkeypatch.setattr(huggingface_hub.HfApi, "upload_folder", self._upload_folder)

    def _whoami(self):
        self.calls.append("whoami")

    def _create_repo(self, repo_id, **options):
        self.calls.append(("create_repo", repo_id, options))
        return huggingface_hub.RepoUrl(f"https://huggingface.co/datasets/{repo_id}")

    def _upload_folder(self, **options):
        if self.failure is not None:
            raise self.failure
        assert (options["folder_path"] / "README.md").exists()
        self.calls.append(("upload_folder", options))


@pytest.fixture
def hub(monkeypatch):
    return Hub(monkeypatch)


PUSH = ["--push-to-hub", "user/quizzes"]


def test_the_folder_is_uploaded_in_one_commit(hub, tmp_path, capsys):
    assert export(tmp_path / "out", *SMALL, *PUSH, "--private") == 0
    assert "uploaded to https://huggingface.co/datasets/user/quizzes" in capsys.readouterr().out
    who, create, upload = hub.calls
    assert who == "whoami"
    assert create == (
        "create_repo",
        "user/quizzes",
        {"repo_type": "dataset", "private": True, "exist_ok": True},
    )
    assert upload[1]["repo_id"] == "user/quizzes"
    assert upload[1]["repo_type"] == "dataset"
    assert upload[1]["folder_path"] == tmp_path / "out"
    assert upload[1]["delete_patterns"] == "data/**"


def test_a_failed_upload_can_be_repeated_alone(hub, tmp_path, capsys, monkeypatch):
    hub.failure = ConnectionError("the cable is out\nand more")
    assert export(tmp_path / "out", *SMALL, *PUSH) == 2
    assert "cannot be reached (the cable is out)" in error_line(capsys)
    hub.failure, before = None, tree(tmp_path / "out")
    monkeypatch.setattr(parts, "world_table", None)  # nothing is drawn again
    assert export(tmp_path / "out", *SMALL, "--seed", "8", *PUSH) == 2
    assert "is not empty" in error_line(capsys)
    assert export(tmp_path / "out", *SMALL, *PUSH) == 0
    assert tree(tmp_path / "out") == before
    assert hub.calls[-1][0] == "upload_folder"


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (None, "there is no Hugging Face token; run: hf auth login, or set HF_TOKEN"),
        ("hf_none", "the Hugging Face Hub cannot be reached"),
    ],
)
def test_without_token_or_network_nothing_is_begun(tmp_path, capsys, monkeypatch, token, says):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert export(tmp_path / "out", *SMALL, *PUSH) == 2
    assert says in error_line(capsys)
    assert list(tmp_path.iterdir()) == []
