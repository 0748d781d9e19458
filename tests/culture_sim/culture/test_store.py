"""The store: what goes in comes out, nothing is ever rewritten, and bad records stay out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_dataset

from culture_sim.culture.proposers import Proposals
from culture_sim.culture.records import (
    IMPORTED,
    UNKNOWN,
    CultureRecords,
    Provenance,
    features,
)
from culture_sim.culture.rules.four_of_five import FourOfFive
from culture_sim.culture.store import CultureStore
from culture_sim.culture.votes import VoteTable
from tests.helpers.storing import append
from world import UNKNOWN_TASK, QuizBatch
from world.core.errors import UserError


def records(count=12, round_=1, seed=0, seq_len=9, n_agents=5):
    """Records of ``count`` quizzes with random tokens and votes."""
    rng = np.random.default_rng([seed, round_])
    correct = rng.random((count, n_agents, 2)) < 0.8
    correct[0], correct[0, 2, 1] = True, False  # one quiz at least is kept
    votes = VoteTable(
        correct,
        np.where(correct, 0, rng.integers(1, 300, correct.shape)).astype(np.uint16),
        -rng.random(correct.shape, dtype=np.float32),
        rng.integers(n_agents, size=count).astype(np.int16),
        np.ones((count, n_agents), dtype=np.bool_),
        rng.random((count, n_agents), dtype=np.float32),
    )
    return CultureRecords(
        provenance=Provenance(round_, "four_of_five", "{}", ("ab",) * n_agents),
        proposals=Proposals.of(
            QuizBatch(
                rng.integers(256, size=(count, seq_len), dtype=np.uint8),
                np.zeros(count, dtype=np.uint8),
                np.full(count, UNKNOWN_TASK, dtype=np.int16),
            ),
            1.5,
            1.0,
            np.array([[7]] * count, dtype=np.uint64),
        ),
        hashes=rng.integers(2**64, size=count, dtype=np.uint64),
        votes=votes,
        decision=FourOfFive()(votes),
        method=["hot_then_cold"] * count,
        index=np.arange(count) * 3,
        seed=rng.integers(2**63, size=count),
        held_out=rng.random(count) < 0.3,
    )


@pytest.fixture
def store(tmp_path):
    return CultureStore(tmp_path / "culture")


def test_what_is_stored_is_read_back(store):
    one, two = records(), records(count=7, round_=2)
    append(store, one)
    append(store, two)
    assert store.rounds() == [1, 2]
    for number, given in ((1, one), (2, two)):
        votes, decision = store.votes(number), store.decision(number)
        for name in ("correct", "wrong_tokens", "log_prob", "proposer"):
            assert np.array_equal(getattr(votes, name), getattr(given.votes, name))
            assert getattr(votes, name).dtype == getattr(given.votes, name).dtype
        assert np.array_equal(decision.keep, given.decision.keep)
        assert np.array_equal(decision.dissenter, given.decision.dissenter)
        assert decision.reason == given.decision.reason
    assert np.array_equal(store.hashes(), np.concatenate([one.hashes, two.hashes]))


def test_kept_quizzes_by_split_and_round(store):
    one, two = records(), records(round_=2)
    append(store, one)
    append(store, two)
    for split, held_out in (("culture_train", False), ("culture_test", True)):
        chosen = [
            r.proposals.quizzes.tokens[r.decision.keep & (r.held_out == held_out)]
            for r in (one, two)
        ]
        assert np.array_equal(store.kept(split).tokens, np.concatenate(chosen))
        assert np.array_equal(store.kept(split, rounds=[2]).tokens, chosen[1])
        assert (store.kept(split).layout == 0).all()
    with pytest.raises(ValueError, match="unknown split 'train'; known: culture_train"):
        store.kept("train")


def test_the_columns_of_a_row(store):
    given = records()
    append(store, given)
    row = store.table(1).to_pylist()[0]
    assert row == {
        "round": 1,
        "index": 0,
        "tokens": given.proposals.quizzes.tokens[0].tolist(),
        "hash": f"{given.hashes[0]:016x}",
        "split": "culture_test" if given.held_out[0] else "culture_train",
        "proposer": given.votes.proposer[0],
        "solved": given.votes.correct[0].tolist(),
        "wrong_tokens": given.votes.wrong_tokens[0].tolist(),
        "log_prob": given.votes.log_prob[0].tolist(),
        "voted": [True] * 5,
        "probability": given.votes.probability[0].tolist(),
        "keep": True,
        "dissenter": 2,
        "reason": "kept",
        "rule": "four_of_five",
        "rule_options": "{}",
        "method": "hot_then_cold",
        "hot_temperature": 1.5,
        "temperature": 1.0,
        "parents": [f"{7:016x}", ""],
        "age": 0,
        "seed": given.seed[0],
        "checkpoints": ["ab"] * 5,
    }


def test_hugging_face_datasets_opens_a_round(store, tmp_path):
    given = records()
    append(store, given)
    opened = load_dataset(
        "parquet", data_files=str(store.path(1)), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert opened.features == features(5, given.proposals.quizzes.tokens.shape[1], directions=2)
    assert opened["hash"][:] == [f"{value:016x}" for value in given.hashes]


def test_an_empty_store(store):
    assert store.rounds() == []
    assert store.hashes().shape == (0,)
    assert store.kept("culture_train") is None
    with pytest.raises(UserError, match=r"no culture round 1 .* run culture-round first"):
        store.votes(1)


def test_a_round_without_voted_quizzes(store):
    append(store, records(count=12))
    nothing = records(round_=2)
    none = np.zeros(12, dtype=np.bool_)
    votes = nothing.votes[none]
    append(
        store,
        replace(
            nothing,
            votes=votes,
            decision=FourOfFive()(votes),
            method=[],
            **{n: getattr(nothing, n)[none] for n in ("proposals", "hashes", "index", "seed")},
            held_out=none[none],
        ),
    )
    assert store.votes(2).correct.shape == (0, 5, 2)
    assert len(store.hashes()) == 12
    append(store, records(round_=3))
    assert len(store.hashes()) == 24


def refused(store, bad, message):
    before = sorted(path.name for path in store.folder.glob("*"))
    with pytest.raises(ValueError, match=message):
        append(store, bad)
    assert sorted(path.name for path in store.folder.glob("*")) == before


def test_of_an_imported_record_the_proposer_is_unknown(store):
    good = records()
    nobody = np.full(len(good), UNKNOWN, dtype=np.int16)
    imported = replace(
        good, votes=replace(good.votes, proposer=nobody), method=[IMPORTED] * len(good)
    )
    append(store, imported)
    assert set(store.votes(1).proposer.tolist()) == {-1}
    other = records(round_=2)
    strange = np.full(len(other), 5, dtype=np.int16)
    bad = replace(
        other, votes=replace(other.votes, proposer=strange), method=[IMPORTED] * len(other)
    )
    refused(store, bad, "12 of 12 records have no proposer")


@pytest.mark.parametrize("proposer", [-1, 5])
def test_a_record_without_proposer_is_refused(store, proposer):
    good = records()
    credited = good.votes.proposer.copy()
    credited[4] = proposer
    bad = replace(good, votes=replace(good.votes, proposer=credited))
    refused(store, bad, "1 of 12 records have no proposer")


def test_a_duplicate_quiz_is_refused(store):
    good = records(round_=2)
    twice = good.hashes.copy()
    twice[5] = twice[2]
    refused(store, replace(good, hashes=twice), "1 of 12 quizzes are duplicates")
    first = records()
    append(store, first)
    again = good.hashes.copy()
    again[:2] = first.hashes[7:9]
    refused(store, replace(good, hashes=again), "2 of 12 quizzes are duplicates")


def test_a_stored_round_is_never_replaced(store):
    append(store, records())
    content = store.path(1).read_bytes()
    refused(store, records(seed=1), "round 1 is stored already")
    assert store.path(1).read_bytes() == content


def test_another_shape_than_earlier_rounds_is_refused(store):
    append(store, records())
    refused(
        store, records(round_=2, seq_len=10), r"columns of round 1 .*uint8.*\[9\].*got .*\[10\]"
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("proposals", records(count=11).proposals, "proposals must be of 12 quizzes .*, got 11"),
        ("method", ["p"], "method must be of 12 quizzes like votes, got 1"),
        ("hashes", np.zeros(12, dtype=np.int64), r"hashes must be uint64 \[12\]"),
        ("index", np.zeros(3, dtype=np.int64), r"index must be int64 \[12\]"),
        ("held_out", np.zeros(12, dtype=np.uint8), r"held_out must be bool \[12\]"),
        (
            "provenance",
            Provenance(1, "r", "{}", ("ab",)),
            "checkpoints must name 5 agents like votes, got 1",
        ),
    ],
)
def test_wrong_shapes_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(records(), **{field: value})


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_named(store, share):
    append(store, records(count=500))
    path = store.path(1)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    for read in (store.hashes, lambda: store.votes(1), lambda: append(store, records(round_=2))):
        with pytest.raises(UserError, match=r"round-0001.parquet is damaged \(.*remove it") as got:
            read()
        assert "\n" not in str(got.value)


def test_a_damaged_page_is_named(store):
    append(store, records(count=500))
    path = store.path(1)
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"round-0001.parquet is damaged"):
        store.votes(1)


def test_parquet_of_something_else_is_named(store):
    store.folder.mkdir()
    Dataset.from_dict({"x": [1]}).to_parquet(store.path(1))
    with pytest.raises(UserError, match=r"round-0001.parquet is damaged .no column"):
        store.hashes()


def test_hashes_are_read_without_the_other_columns(store):
    given = records(count=500)
    append(store, given)
    path = store.path(1)
    group = pq.ParquetFile(path).metadata.row_group(0)
    tokens = next(
        group.column(i)
        for i in range(group.num_columns)
        if group.column(i).path_in_schema.startswith("tokens")
    )
    start, size = tokens.dictionary_page_offset, tokens.total_compressed_size
    content = bytearray(path.read_bytes())
    content[start : start + size] = bytes(size)
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        store.table(1)
    assert np.array_equal(store.hashes(), given.hashes)


def test_nothing_is_left_beside_a_round(store):
    append(store, records())
    assert [path.name for path in store.folder.iterdir()] == ["round-0001.parquet"]
