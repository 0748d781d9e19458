"""Files come back as they were written, and what is damaged is named in one line."""

from __future__ import annotations

import numpy as np
import pytest

from sae.files import read_arrays, write_arrays
from world.core.errors import UserError


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "found.npz"
    write_arrays(path, feature=np.arange(5), fires=np.eye(5, dtype=np.bool_))
    return path


def test_arrays_come_back_by_name(archive):
    found = read_arrays(archive, "remove it")
    assert set(found) == {"feature", "fires"}
    assert found["fires"].dtype == np.bool_
    assert (found["feature"] == np.arange(5)).all()


@pytest.mark.parametrize("size", [0, 20, 100, -1])
def test_an_archive_that_ends_early_is_one_line(archive, size):
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(UserError, match=r"found.npz cannot be read \(.+\); remove it$"):
        read_arrays(archive, "remove it")


def test_an_archive_with_other_bytes_is_one_line(archive):
    """Wherever they are: in the head of an array, in what is compressed, in the directory."""
    whole, said = archive.read_bytes(), []
    for start in range(len(whole) - 8):
        archive.write_bytes(whole[:start] + bytes(8) + whole[start + 8 :])
        try:
            read_arrays(archive, "remove it")
        except UserError as error:
            said.append(str(error))
    assert len(said) > len(whole) / 2
    assert not any("\n" in line for line in said)
