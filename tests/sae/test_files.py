"""Files come back as they were written, and what is damaged is named in one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sae.artifacts import FILES
from sae.files import read_arrays, read_parquet, refuse_blocked, write_arrays, write_parquet
from tests.helpers.damage import DAMAGES
from world.core.errors import UserError
from world.core.files import hashes_of

NAMES = ("feature", "fires")


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "found.npz"
    write_arrays(path, feature=np.arange(5), fires=np.eye(5, dtype=np.bool_))
    return path


def test_arrays_come_back_by_name(archive):
    found = read_arrays(archive, NAMES, "remove it")
    assert set(found) == {"feature", "fires"}
    assert found["fires"].dtype == np.bool_
    assert (found["feature"] == np.arange(5)).all()


@pytest.mark.parametrize("size", [0, 20, 100, -1])
def test_an_archive_that_ends_early_is_one_line(archive, size):
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(UserError, match=r"found.npz cannot be read \(.+\); remove it$"):
        read_arrays(archive, NAMES, "remove it")


def test_an_archive_with_other_bytes_is_one_line(archive):
    """Wherever they are: in the head of an array, in what is compressed, in the directory."""
    whole, said = archive.read_bytes(), []
    for start in range(len(whole) - 8):
        archive.write_bytes(whole[:start] + bytes(8) + whole[start + 8 :])
        try:
            found = read_arrays(archive, NAMES, "remove it")
        except UserError as error:
            said.append(str(error))
        else:
            assert (found["feature"] == np.arange(5)).all()
            assert (found["fires"] == np.eye(5)).all()
    assert len(said) > len(whole) / 2
    assert not any("\n" in line for line in said)


@pytest.fixture
def table(tmp_path):
    frame = pd.DataFrame({"r": np.linspace(0, 1, 500), "name": ["a", "b"] * 250})
    write_parquet(tmp_path / "table.parquet", frame)
    return tmp_path / "table.parquet", frame


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_to_a_table_is_named(table, damage):
    path, _ = table
    damage(path)
    with pytest.raises(UserError, match=r"table.parquet cannot be read \(.+\); restore$"):
        read_parquet(path, "restore")


def test_other_bytes_anywhere_in_a_table_change_nothing_unsaid(table):
    path, frame = table
    whole = path.read_bytes()
    for start in range(0, len(whole) - 8, max(1, len(whole) // 300)):
        path.write_bytes(whole[:start] + bytes(b ^ 0x5A for b in whole[start : start + 8]))
        with path.open("ab") as file:
            file.write(whole[start + 8 :])
        try:
            found = read_parquet(path, "restore")
        except UserError:
            continue
        pd.testing.assert_frame_equal(found, frame)


def test_a_table_must_have_the_hash_of_its_record(table):
    path, frame = table
    record = {FILES: hashes_of(path.parent, [path.name])}
    assert len(read_parquet(path, "restore", record=record)) == len(frame)
    write_parquet(path, frame[:10])  # whole, and another
    with pytest.raises(UserError, match="its hash is not the one in its record"):
        read_parquet(path, "restore", record=record)
    assert len(read_parquet(path, "restore")) == 10


def test_columns_and_rows_can_be_chosen(table):
    found = read_parquet(table[0], "restore", ["r"], [("r", ">", 0.5)])
    assert list(found) == ["r"]
    assert len(found) == 250


@pytest.mark.parametrize("name", ["families.parquet", "summary.json"])
def test_a_folder_in_the_place_of_a_file_is_refused(table, name):
    folder = table[0].parent
    (folder / "examples").mkdir()  # which is no file's place
    refuse_blocked(folder)
    (folder / name).mkdir()
    with pytest.raises(UserError, match=rf"{name} is there and no ordinary file; move it away"):
        refuse_blocked(folder)
