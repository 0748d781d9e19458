"""Codes and tokens in files: every layout gives what was written, and damage is said in a line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sae.streamed import files
from sae.streamed.files import FileTokens, TensorFile, codes_of, save_codes
from tests.helpers.own_models import DOCUMENTS, codes, csr, texts
from world.core.errors import UserError

TOKENS = texts()
CODES, _ = codes(TOKENS)
KINDS = ["story", "list", "list"] * (DOCUMENTS // 3)


def dense(path, **more):
    save_file({"codes": torch.from_numpy(CODES["a"][0]), **more}, path)
    return TensorFile(path)


def test_what_was_saved_is_read_some_rows_at_a_time(tmp_path):
    path = tmp_path / "a.safetensors"
    save_codes(path, CODES["a"][0], ceiling=csr(CODES["a"][1]), tokens=TOKENS, kinds=KINDS)
    compared, ceiling = codes_of(TensorFile(path))
    rows = np.array([0, 3, 4, 5000, 5949])
    for found, written in ((compared, CODES["a"][0]), (ceiling, CODES["a"][1])):
        assert found.shape == written.shape
        np.testing.assert_array_equal(found[rows].toarray(), written[rows])
    assert compared[rows[:0]].shape == (0, compared.shape[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dense_codes_of_every_type_are_read(tmp_path, dtype):
    values = torch.from_numpy(CODES["a"][0][:50]).to(dtype)
    save_file({"codes": values}, tmp_path / "a.safetensors")
    (found,) = codes_of(TensorFile(tmp_path / "a.safetensors"))
    np.testing.assert_array_equal(found[np.arange(7, 19)].toarray(), values[7:19].float().numpy())


def test_documents_come_whole_however_few_tokens_are_read_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "READ", 33)
    path = tmp_path / "t.safetensors"
    save_codes(path, CODES["a"][0], tokens=TOKENS, kinds=KINDS)
    batches = list(FileTokens(TensorFile(path)))
    assert len(batches) > 100
    assert [kind for batch in batches for kind in batch.kinds] == KINDS
    found = [row[row >= 0].tolist() for batch in batches for row in batch.tokens]
    assert found == [row[row >= 0].tolist() for row in TOKENS]


def test_columns_are_with_their_tokens_and_stretches_stand_for_documents(tmp_path):
    count = 300
    words = torch.arange(count)
    save_file({"tokens": words, "column.depth": 2 * words}, tmp_path / "t.safetensors")
    batches = list(FileTokens(TensorFile(tmp_path / "t.safetensors")))
    assert [len(row) for b in batches for row in b.tokens] == [128] * 3
    for batch in batches:
        there = batch.tokens >= 0
        assert (batch.columns["depth"][there] == 2 * batch.tokens[there]).all()


def sparse_parts(**other):
    start, feature, value = torch.tensor([0, 1, 3]), torch.tensor([0, 1, 2]), torch.ones(3)
    parts = {"start": start, "feature": feature, "value": value, "features": torch.tensor([3])}
    return {f"codes.{name}": part for name, part in {**parts, **other}.items()}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"acts": torch.ones(3, 2)}, "has no codes: it must hold 'codes' [tokens, features]"),
        (
            {"codes": torch.ones(3)},
            "codes must be numbers with a fraction of 2 dimensions, got F32 [3]",
        ),
        ({"codes": torch.ones(3, 2).long()}, "of 2 dimensions, got I64 [3, 2]"),
        (sparse_parts(start=torch.tensor([0, 1, 4])), "codes.start must go from 0 to 3"),
        (sparse_parts(start=torch.tensor([0, 4, 3])), "codes.start must rise"),
        (sparse_parts(feature=torch.tensor([0, 1, 3])), "codes.feature must be in 0 .. 2"),
        (sparse_parts(value=torch.ones(2)), "must be of one length"),
        (sparse_parts(features=torch.tensor([3, 3])), "codes.features must hold one number"),
        (sparse_parts(features=torch.tensor([0])), "codes must have some features, got 0"),
        ({"codes": torch.ones(3, 0)}, "codes must have some features, got 0"),
        (
            {"codes": torch.ones(3, 2), "ceiling": torch.ones(4, 2)},
            "of the same tokens, got 3 and 4",
        ),
    ],
)
def test_codes_that_are_none_are_refused_in_a_line(tmp_path, tensors, said):
    path = tmp_path / "a.safetensors"
    save_file(tensors, path)
    with pytest.raises(UserError) as refused:
        _ = [codes[np.arange(codes.shape[0])] for codes in codes_of(TensorFile(path))]
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"tokens": torch.ones(3)}, "tokens must be whole numbers of 1 dimensions, got F32 [3]"),
        ({"tokens": torch.arange(3), "documents": torch.arange(2)}, "as many entries as tokens"),
        ({"tokens": torch.arange(3), "documents": torch.tensor([0, 1, 0])}, "must be in order"),
        (
            {
                "tokens": torch.arange(3),
                "documents": torch.arange(3),
                "kinds": torch.zeros(2).long(),
            },
            "kinds must have an entry for each document",
        ),
        (
            {
                "tokens": torch.arange(3),
                "documents": torch.arange(3),
                "kinds": torch.zeros(4).long(),
            },
            "kinds must have an entry for each document",
        ),
        ({"tokens": torch.tensor([1, -1, 2])}, "tokens must be 0 or more"),
    ],
)
def test_tokens_that_are_none_are_refused_in_a_line(tmp_path, tensors, said):
    path = tmp_path / "t.safetensors"
    save_file(tensors, path)
    with pytest.raises(UserError) as refused:
        list(FileTokens(TensorFile(path)))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_that_are_none_are_refused_in_a_line(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(UserError, match="is not there"):
        codes_of(TensorFile(path))
    with pytest.raises(UserError, match="is a folder; name a safetensors file in it"):
        codes_of(TensorFile(tmp_path))
    dense(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="is damaged, or no safetensors file"):
        codes_of(TensorFile(path))
    path.write_text("nothing of the kind")
    with pytest.raises(UserError, match="is damaged, or no safetensors file"):
        codes_of(TensorFile(path))


def test_names_of_kinds_that_are_no_json_are_refused(tmp_path):
    path = tmp_path / "t.safetensors"
    tensors = {"tokens": torch.arange(3), "kinds": torch.zeros(1).long()}
    for names in ("{", "[" * 10**5, "[1]"):
        save_file(tensors, path, metadata={"kinds": names})
        with pytest.raises(UserError, match="the metadata's 'kinds' must be a list of names"):
            list(FileTokens(TensorFile(path)))


@pytest.mark.parametrize(
    ("codes_of_it", "more", "said"),
    [
        (CODES["a"][0][:-1], {"tokens": TOKENS}, "codes must be of the same 5,950 tokens"),
        (CODES["a"][0], {"ceiling": CODES["a"][1][1:]}, "ceiling must be of the same 5,950 tokens"),
        (CODES["a"][0] * np.nan, {}, "codes: there are values that are not finite"),
        (CODES["a"][0][:, 0], {}, "codes must be [tokens, features]"),
        ([[0.5]], {}, "codes must be an array [tokens, features], got list"),
        (CODES["a"][0], {"kinds": KINDS}, "give tokens with them"),
    ],
)
def test_codes_that_do_not_fit_are_not_saved(tmp_path, codes_of_it, more, said):
    with pytest.raises(UserError) as refused:
        save_codes(tmp_path / "a.safetensors", codes_of_it, **more)
    assert said in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_tokens_are_saved_as_lists_or_an_array(tmp_path):
    for name, tokens in (("array", TOKENS), ("lists", [row[row >= 0].tolist() for row in TOKENS])):
        save_codes(tmp_path / name, CODES["a"][0], tokens=tokens)
    assert (tmp_path / "array").read_bytes() == (tmp_path / "lists").read_bytes()
