"""Exported datasets as their users meet them: loaded by Hugging Face datasets without a network."""

import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from culture_sim.culture.records import array_of, quizzes_of
from culture_sim.culture.store import CultureStore
from culture_sim.export import quizzes
from culture_sim.export.columns import meanings
from culture_sim.export.quizzes import draw_task
from culture_sim.export.schema import culture_features, text_features, world_features
from culture_sim.export.text import parse_prompt
from culture_sim.export.verify_quiz import parse_rows
from culture_sim.run.run import Run
from tests.helpers.exporting import (
    SMALL,
    WORLD,
    drawn_from,
    export,
    grids,
    of_run,
    tree,
)
from tests.helpers.stored_round import EASY, HARD, HELD_OUT, SAE_SPLIT, TEST, TRAIN
from world import QuizBatch, World
from world.grids.painting.task import tasks
from world.grids.world import PARTS

NAMES = ("A", "f(A)", "B", "f(B)")

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
    assert types["A"] == datasets.Array2D((7, 7), "uint8")
    assert types["task"].names == list(WORLD.tasks)
    assert types["layout"].names == [layout.name for layout in WORLD.layouts]


def test_rows_are_the_worlds_quizzes(written, load):
    """The same quizzes drawn again by index, and obeying their task's rule."""
    rows = load(written, "world-detect", split="test")
    batch = draw_task(WORLD, 7, "test", 1, 0, len(rows))
    assert len(rows) == 150
    assert np.array_equal(rows.with_format("numpy")["tokens"], batch.tokens)
    assert np.array_equal(grids(rows), WORLD.grids(batch))
    assert rows["layout"][:] == batch.layout.tolist()
    assert set(rows["layout"]) == set(WORLD.answer_layouts)
    assert rows["index"][:] == list(range(len(rows)))
    assert rows["hash"][:] == [f"{h:016x}" for h in WORLD.canonical_hash(batch).tolist()]
    assert all(tasks["detect"]().verify(*quiz) for quiz in grids(rows))


def test_each_task_is_a_part_that_loads_alone(written, load):
    whole = load(written, "world")
    for task, name in enumerate(WORLD.tasks):
        alone = load(written, f"world-{name}")
        for split in World.splits:
            assert set(alone[split]["task"]) == {task}
            rows = whole[split].with_format("pandas")[:]
            assert alone[split]["hash"][:] == rows["hash"][rows["task"] == task].tolist()
    assert sorted(datasets.get_dataset_config_names(str(written))) == sorted(
        [f"{kind}{of}" for kind in ("world", "text") for of in ("", "-frame", "-detect")]
    )


def test_a_large_task_is_several_files(tmp_path, load, written, monkeypatch):
    """However it is cut, its quizzes are the same."""
    monkeypatch.setattr(quizzes, "SHARD", 500)
    assert export(tmp_path / "cut", *SMALL) == 0
    sizes = [pq.read_metadata(path).num_rows for path in (tmp_path / "cut").glob("data/*/*/*/*")]
    assert max(sizes) == 500
    assert len(list((tmp_path / "cut").glob("data/world/train/frame/*"))) == 3
    for split, rows in load(tmp_path / "cut").items():
        assert rows[:] == load(written, split=split)[:]


def test_rows_can_be_streamed_and_typed(written, load):
    streamed = load(written, "world", split="train", streaming=True)
    assert streamed.features == world_features(WORLD)
    first = next(iter(streamed))
    again = load(written, "world", split="train")[0]
    assert first == again


@pytest.mark.slow
def test_readers_without_hugging_face_find_plain_types(written):
    """In a process that does not know Hugging Face's types."""
    path = next(written.glob("data/world/test/frame/*"))
    script = (
        "import pandas, pyarrow.parquet as pq, sys; path = sys.argv[1]; "
        "[print(field.name, field.type) for field in pq.read_schema(path)]; "
        "print(pandas.read_parquet(path)['A'][0][5][5])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert "A list<element: list<element: uint8>>" in lines
    assert f"tokens fixed_size_list<element: uint8>[{WORLD.seq_len}]" in lines
    assert lines[-1] in map(str, range(7))


def test_a_handful_of_quizzes_has_the_splits_that_it_fills(tmp_path, load):
    assert export(tmp_path / "few", "--world.tasks", "frame", "detect", "--quizzes", "5") == 0
    found = load(tmp_path / "few")
    assert {split: len(rows) for split, rows in found.items()} == {"train": 5}


def loaded_by_the_card(folder):
    """Runs the card's Python as it stands, on the folder; gives what it loads, by name."""
    (code,) = re.findall(
        r"```python\n(from datasets .+?)```", (folder / "README.md").read_text(), re.S
    )
    place = {"load_dataset": None}
    with redirect_stdout(StringIO()):
        exec(code.replace("FOLDER OR REPOSITORY", str(folder)), place)
    return code, place


def without(run, splits, kept_only, tmp_path):
    """A copy of a run whose culture has no proposals, or none that were kept, of some splits."""
    shutil.copytree(run, tmp_path / "run")
    path = CultureStore(tmp_path / "run" / "culture").path(1)
    table, world = pq.read_table(path), Run.open(run).config.world
    gone = np.isin(world.split_of(quizzes_of(table)), [World.splits.index(s) for s in splits])
    gone &= np.asarray(table["keep"]) | (not kept_only)
    pq.write_table(table.filter(~gone), path)
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("splits", "kept_only"),
    [
        *((splits, True) for splits in (("test",), ("test", "sae"), ("train",), World.splits)),
        *((splits, False) for splits in (("test",), ("test", "sae"), ("train",))),
    ],
)
def test_the_card_loads_what_is_there_and_says_what_is_not(
    stored, tmp_path, monkeypatch, splits, kept_only
):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    run = without(stored, splits, kept_only, tmp_path)
    assert export(tmp_path / "out", *of_run(run), "--quizzes", "60", "--text") == 0
    code, place = loaded_by_the_card(tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert f"`culture` has no {' and no '.join(splits)}" in text
    assert kept_only or "`culture-proposals` has no" in text
    for line in code.splitlines()[3:-1]:
        name, config = re.match(r'(\w+) = load_dataset\(place, "([\w-]+)"', line).groups()
        alternatives = line.partition("# or ")[2]
        first = place[name].split
        there = datasets.get_dataset_split_names(str(tmp_path / "out"), config)
        assert [str(first), *filter(None, alternatives.split(", "))] == there
    assert ("culture" in place) == (splits != World.splits)


@pytest.mark.parametrize("quizzes_", ["1", "5", "17", "60"])
def test_the_cards_lines_load_few_quizzes_too(tmp_path, monkeypatch, quizzes_):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    options = ("--world.tasks", "frame", "detect", "--quizzes", quizzes_, "--text")
    assert export(tmp_path / "out", *options) == 0
    _, place = loaded_by_the_card(tmp_path / "out")
    assert len(place["world"]) == len(place["text"]) > 0
    assert "culture" not in place
    assert "`culture` has no" not in (tmp_path / "out" / "README.md").read_text()


# Splits


def test_no_quiz_is_in_two_splits(cultured, load):
    """By the hash of the grids as they are loaded, over every configuration, renamed or not."""
    world, rng = WORLD, np.random.default_rng(0)
    found = {split: set() for split in World.splits}
    for name in ("world", "culture", "culture-proposals"):
        for split, rows in load(cultured, name).items():
            batch = drawn_from(rows)
            hashes = world.canonical_hash(batch)
            assert (world.split_of(batch) == World.splits.index(split)).all()
            assert rows["hash"][:] == [f"{h:016x}" for h in hashes.tolist()]
            names = np.concatenate([[0], 1 + rng.permutation(world.colours), np.arange(7, 11)])
            renamed = QuizBatch(names.astype(np.uint8)[batch.tokens], batch.layout, batch.task)
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
            array_of(table, "tokens")[there].reshape(-1, 4, 1 + world.codec.cells)[:, :, 1:],
        )


def test_kept_quizzes_are_text_too(cultured, load):
    for split, rows in load(cultured, "culture-text").items():
        made = {row["hash"]: row for row in load(cultured, "culture", split=split)}
        assert len(rows) == len(made)
        for row in rows:
            shown, asked = parse_prompt(row["prompt"], NAMES)
            quiz = {**shown, asked: row["completion"]}
            grids_shown = [np.array(parse_rows(quiz[label], True), np.uint8) for label in NAMES]
            assert np.array_equal(grids_shown, [made[row["hash"]][part] for part in PARTS])


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
        (config,) = [c for c in card.data.configs if c["config_name"] == name]
        assert [files["split"] for files in config["data_files"]] == list(World.splits)
    assert "culture-sim export dataset --run stored --quizzes 2000 --seed 0" in card.text
    assert str(cultured.parent) not in card.content
    assert "height 7; width 7; colours 6;" in card.text
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
    assert columns == set(meanings(world))
