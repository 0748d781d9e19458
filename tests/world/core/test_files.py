"""Files are written whole or not at all, and a failure says which file it was."""

import errno

import pytest

from world.core.files import naming, replacing


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "file"
    with replacing(path) as aside:
        aside.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_earlier_file_and_names_it(tmp_path):
    path = tmp_path / "file"
    path.write_text("earlier")
    with pytest.raises(OSError, match="No space") as caught:
        fail_halfway(path)
    assert caught.value.filename == str(path)
    assert path.read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def fail_halfway(path):
    with replacing(path) as aside:
        aside.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_name_that_is_known_stays(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, naming(tmp_path):
        (tmp_path / "absent").read_text()
    assert caught.value.filename == str(tmp_path / "absent")
