"""What is kept by its inputs: made once, made again when these change or files are lost."""

from __future__ import annotations

import json

import pytest

from sae.artifacts import current_record, digest, kept, plain, read_record


class Maker:
    """Writes a table, and a record of the identity it is called for."""

    def __init__(self, folder):
        self.record, self.table, self.calls = folder / "record.json", folder / "table", 0

    def get(self, identity):
        def make():
            self.calls += 1
            self.table.write_text("table")
            self.record.write_text(json.dumps({**identity, "number": self.calls}))

        return kept(self.record, identity, make, [self.table])


@pytest.fixture
def maker(tmp_path):
    return Maker(tmp_path)


def test_made_once_for_the_same_inputs(maker):
    first = maker.get({"made_from": {"sizes": (1, 2), "seed": 3}})
    assert first["number"] == 1
    assert maker.get({"made_from": {"sizes": [1, 2], "seed": 3}}) == first
    assert maker.calls == 1


def test_made_again_for_other_inputs_or_another_version(maker):
    maker.get({"schema": 1, "made_from": {"seed": 3}})
    assert maker.get({"schema": 1, "made_from": {"seed": 4}})["number"] == 2
    assert maker.get({"schema": 2, "made_from": {"seed": 4}})["number"] == 3


def test_made_again_where_a_file_is_lost_or_the_record_is_damaged(maker):
    identity = {"made_from": {"seed": 3}}
    maker.get(identity)
    maker.table.unlink()
    assert current_record(maker.record, identity, [maker.table]) is None
    assert maker.get(identity)["number"] == 2
    maker.record.write_text(maker.record.read_text()[:-5])
    assert read_record(maker.record) is None
    assert maker.get(identity)["number"] == 3


def test_nothing_made_is_an_error(maker):
    with pytest.raises(RuntimeError, match="no record was written"):
        kept(maker.record, {}, lambda: None)


def test_digest_is_of_content():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})
    assert len(digest({}, size=5)) == 10
    assert plain({1: (2, 3)}) == {"1": [2, 3]}
