"""Files are written whole or not at all, and a failure says which file it was."""

import errno
import json
import math
import os
from dataclasses import dataclass
from stat import S_IMODE

import numpy as np
import pytest

from tests.helpers.strict_json import strict
from world.core.errors import UserError
from world.core.files import (
    CHECKSUM,
    JsonObject,
    changed,
    hashes_of,
    json_text,
    let_umask_decide,
    naming,
    read_json,
    replacing,
    write_json,
)


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


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "disk").mkdir()
    link, place = tmp_path / "file", tmp_path / "disk" / "real"
    for earlier in ("", "earlier"):  # a link may lead to what is not there yet
        if earlier:
            place.write_text(earlier)
        else:
            link.symlink_to(place)
        with replacing(link) as aside:
            assert aside.parent == place.parent  # a name changes only within a disk
            aside.write_text("whole")
        assert link.is_symlink()
        assert place.read_text() == "whole"
    assert [file.name for file in place.parent.iterdir()] == ["real"]


@pytest.mark.parametrize("target", ["unmounted/file", "link"])
def test_a_link_that_leads_nowhere_is_refused(tmp_path, target):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    with (
        pytest.raises(UserError, match="which is not there; mend or remove the link"),
        replacing(link),
    ):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["link"]


def test_the_umask_decides(tmp_path):
    earlier = os.umask(0o002)
    try:
        for name in ("one", "two"):
            (tmp_path / name).touch(0o600)
        let_umask_decide(tmp_path / "one", tmp_path / "two")
    finally:
        os.umask(earlier)
    assert [S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()] == [0o664] * 2


TREE = {"name": "Größe", "seed": 3, "of": [1.5, 1e-300, None, {"2": True}]}


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "tree.json"
    write_json(path, TREE)
    return path


def test_json_comes_back_without_its_checksum(written):
    assert read_json(written, "") == TREE
    assert CHECKSUM in json.loads(written.read_text())
    written.write_text(json.dumps(TREE))  # as another program may write it
    assert read_json(written, "") == TREE


def test_every_byte_of_json_that_is_another_is_noticed(written):
    """Or changes nothing that is said: a space, or the name of the checksum."""
    whole = written.read_bytes()
    for place in range(len(whole)):
        for other in (whole[place] ^ 1, whole[place] ^ 16):
            written.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
            found = said_or_read(written)
            if isinstance(found, str):
                assert found.startswith(f"{written} is damaged (")
                assert "\n" not in found
            else:
                assert {name: found[name] for name in TREE} == TREE


def said_or_read(path):
    """What is in a file, or what is said of it."""
    try:
        return read_json(path, "make it again")
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1]", b"null", b"[" * 100_000, None])
def test_json_that_is_none_is_one_line(written, content):
    written.unlink()
    if content is None:
        written.mkdir()
    else:
        written.write_bytes(content)
    with pytest.raises(UserError, match=r"tree.json (is damaged|cannot be read) \(.+\); restore$"):
        read_json(written, "restore")


def test_what_changed_is_named(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    hashes = hashes_of(tmp_path, ["one", "two"])
    assert changed(tmp_path, hashes) is None
    (tmp_path / "two").write_text("tow")
    assert changed(tmp_path, hashes) == "two"
    (tmp_path / "one").unlink()
    assert changed(tmp_path, hashes) == "one"
    (tmp_path / "one").mkdir()
    assert changed(tmp_path, hashes) == "one"


NOT_FINITE = [math.nan, math.inf, -math.inf, np.float64("nan")]


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("within", [lambda v: v, lambda v: {"a": [(v,)]}, lambda v: [{1: v}]])
def test_numbers_that_are_not_finite_become_null(tmp_path, value, within):
    text = json_text(within(value))
    assert strict(text) == strict(json_text(within(None)))
    write_json(tmp_path / "file.json", within(value))
    tree = strict((tmp_path / "file.json").read_text())
    if isinstance(tree, dict):
        tree.pop(CHECKSUM)
    assert tree == strict(text)


def test_other_numbers_are_written_to_the_last_digit():
    numbers = [1e38, 5e-324, 0.1, 2**70, -0.0, True, None]
    assert strict(json_text(numbers)) == numbers


@dataclass(frozen=True)
class Found:
    """What a file of the test holds."""

    share: float
    of: int


LACKING = {
    "at the top": lambda tree: tree["scores"],
    "within": lambda tree: tree["found"]["mean"],
    "in a list": lambda tree: tree["lines"][1]["mean"],
    "of a dataclass": lambda tree: tree["found"].of(Found),
}


@pytest.mark.parametrize("look", LACKING.values(), ids=LACKING)
@pytest.mark.parametrize("checked", [True, False])
def test_a_key_that_is_lacking_is_named_with_its_file(tmp_path, look, checked):
    path, tree = tmp_path / "tree.json", {"found": {"share": 0.5}, "lines": [{}, {}]}
    if checked:
        write_json(path, tree)
    else:
        path.write_text(json.dumps(tree))
    read = read_json(path, "make it again")
    key = "(scores|mean|of)"
    with pytest.raises(UserError, match=rf"tree.json lacks '{key}': .*; make it again$") as said:
        look(read)
    assert "\n" not in str(said.value)
    assert "scores" not in read
    assert read.get("scores") is None


def test_an_object_of_a_dataclass_has_its_fields_and_no_others(tmp_path):
    path = tmp_path / "tree.json"
    write_json(path, {"share": 0.5, "of": 4})
    assert read_json(path, "").of(Found) == Found(0.5, 4)
    write_json(path, {"share": 0.5, "of": 4, "more": 1})
    with pytest.raises(UserError, match=r"tree.json holds 'more': .*; make it again$"):
        read_json(path, "make it again").of(Found)


def test_a_copy_of_an_object_is_a_dict_as_any():
    with pytest.raises(KeyError):
        JsonObject({"a": 1})["b"]
