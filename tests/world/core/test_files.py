"""Files are written whole or not at all, and a failure says which file it was."""

import errno
import math

import numpy as np
import pytest

from tests.helpers.strict_json import strict
from world.core.files import json_text, naming, replacing, write_json


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


NOT_FINITE = [math.nan, math.inf, -math.inf, np.float64("nan")]


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("within", [lambda v: v, lambda v: {"a": [(v,)]}, lambda v: [{1: v}]])
def test_numbers_that_are_not_finite_become_null(tmp_path, value, within):
    text = json_text(within(value))
    assert strict(text) == strict(json_text(within(None)))
    write_json(tmp_path / "file.json", within(value))
    assert strict((tmp_path / "file.json").read_text()) == strict(text)


def test_other_numbers_are_written_to_the_last_digit():
    numbers = [1e38, 5e-324, 0.1, 2**70, -0.0, True, None]
    assert strict(json_text(numbers)) == numbers
