"""Anyone's models compared block by block: against other code, brute force and planted truth."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sae_lens import (
    BatchTopKTrainingSAE,
    BatchTopKTrainingSAEConfig,
    StandardSAE,
    StandardSAEConfig,
)
from sae_lens.saes.sae import SAEMetadata
from transformer_lens import HookedTransformer, HookedTransformerConfig

from sae import activations_at, compare
from sae.activations.harvest import TokenRows
from sae.comparison.compare import compare_features
from sae.comparison.nulls.within_cell import WithinCell
from sae.config import ComparisonConfig
from sae.matching.features import select_features
from sae.streamed import codes as stored
from sae.streamed import contexts, spool
from sae.streamed.coders import Coder
from sae.streamed.documents import Documents, octave
from sae.streamed.rows import StoredRows
from tests.helpers.own_models import (
    DOCUMENTS,
    FEATURES,
    LENGTH,
    SHARED,
    codes,
    csr,
    not_first,
    reported,
    texts,
)
from world import Stream
from world.core.errors import UserError

OPTIONS = {"min_firings": 20, "permutations": 2, "resamples": 20}
TOKENS = texts()
CODES, ORDER = codes(TOKENS)
ACTIVATIONS = dict.fromkeys("ab", np.ones((int((TOKENS >= 0).sum()), 8)))


def standard(d_in, site="blocks.0.hook_resid_post"):
    config = StandardSAEConfig(d_in=d_in, d_sae=12, metadata=SAEMetadata(hook_name=site))
    return StandardSAE(config).requires_grad_(False)


def temporal():
    of = SimpleNamespace(cfg=SimpleNamespace(architecture=lambda: "temporal"), encode=lambda x: x)
    return {"a": of, "b": CODES["b"]}


def batch_topk():
    training = BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(d_in=8, d_sae=12, k=2))
    return {"a": training, "b": CODES["b"]}


@pytest.fixture(scope="module")
def kept():
    """The comparison, in blocks of 1000 rows and tiles of 4 features, so that there are several;
    which blocks there were, and how a null orders them."""
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "ROWS", 1000)
        patch.setattr(stored, "TILE", 4)
        patch.setattr(stored, "SUMS", 4 * FEATURES)
        patch.setattr(stored, "DENSE", 2.0)
        finish = spool.Spool.finish

        def finished(self):
            store = finish(self)
            seen["rows"] = [store.rows(k) for k in range(len(store.starts))]
            seen["first"] = store.first_evaluation
            split = StoredRows(store).splits.evaluation
            order = split.ordered(WithinCell().order, np.random.default_rng(0))
            seen["orders"] = list(zip(order, split.blocks(), strict=True))
            return store

        patch.setattr(spool.Spool, "finish", finished)
        found = compare(None, CODES, TOKENS, **OPTIONS)
    return found, seen


@pytest.fixture(scope="module")
def held():
    """The same by the code that compares agents, all in memory."""
    rows = np.flatnonzero(not_first(TOKENS))
    document, position = np.nonzero(TOKENS >= 0)
    evaluation = reported(TOKENS)[rows]
    words = TOKENS[TOKENS >= 0]
    zeros = np.zeros(len(rows), dtype=np.int64)
    given = TokenRows(
        quiz=document[rows],
        position=octave(position)[rows],
        layout=zeros.astype(np.uint8),
        task=zeros.astype(np.int16),
        token=words[rows].astype(np.uint8),
        target=zeros.astype(np.uint8),
        quizzes=DOCUMENTS,
        source=np.arange(DOCUMENTS),
        evaluation=evaluation,
    )
    features = {
        number: [select_features(csr(x[rows]), evaluation, OPTIONS["min_firings"]) for x in each]
        for number, each in enumerate(CODES.values())
    }
    config = ComparisonConfig(nulls=(WithinCell(),), baselines=(), **OPTIONS)
    return compare_features(features, given, config, Stream(0, "compare"))


def test_it_equals_the_comparison_in_memory(kept, held):
    found, _ = kept
    ours, theirs = found.matches.table, held.matches.table
    for name in ("agent_a", "feature_a", "agent_b", "feature_b", "second_b", "mutual", "kind"):
        assert ours[name].tolist() == theirs[name].tolist(), name
    exact = ("r", "r_chosen", "ceiling_r", "ridge_r2", "assigned", "assigned_r", "firings_a")
    for name in exact:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-9, err_msg=name)
    # Codes are left in float32 there, and in float64 here.
    np.testing.assert_allclose(ours.r_within, theirs.r_within, atol=1e-5)
    np.testing.assert_allclose(ours.p, theirs.p, atol=1e-5)
    # Draws differ, and so do the resamples, but not by much.
    np.testing.assert_allclose(ours.null_r, theirs.null_r, atol=0.15)
    assert found.families[0].members.keys() == {0, 1}
    assert {tuple(f.members.items()) for f in found.families} == {
        tuple(f.members.items()) for f in held.families
    }
    assert found.overall["within_cell"].value == pytest.approx(
        held.overall["within_cell"].value, abs=0.05
    )


def test_r_is_that_of_numpy(kept):
    found, _ = kept
    rows = not_first(TOKENS)
    chosen, graded = rows & ~reported(TOKENS), rows & reported(TOKENS)
    x, y = CODES["a"][0], CODES["b"][0]
    on_selection = np.corrcoef(x[chosen].T, y[chosen].T)[:FEATURES, FEATURES:]
    on_evaluation = np.corrcoef(x[graded].T, y[graded].T)[:FEATURES, FEATURES:]
    table = found.matches.of(0, 1)
    np.testing.assert_array_equal(table.feature_b, on_selection.argmax(axis=1))
    np.testing.assert_allclose(table.r_chosen, on_selection.max(axis=1), atol=1e-6)
    expected = on_evaluation[np.arange(FEATURES), table.feature_b]
    np.testing.assert_allclose(table.r, expected, atol=1e-6)
    ceiling = CODES["a"][1]
    best = np.corrcoef(x[chosen].T, ceiling[chosen].T)[:FEATURES, FEATURES:].argmax(axis=1)
    between = np.corrcoef(x[graded].T, ceiling[graded].T)[:FEATURES, FEATURES:]
    np.testing.assert_allclose(table.ceiling_r, between[np.arange(FEATURES), best], atol=1e-6)


def test_planted_features_are_found_and_those_of_a_word_are_not_universal(kept):
    found, _ = kept
    for (a, b), (ours, theirs) in {(0, 1): "ab", (1, 0): "ba"}.items():
        table = found.matches.of(a, b).set_index("feature_a")
        place = {meaning: k for k, meaning in enumerate(ORDER[theirs][0])}
        for feature, meaning in enumerate(ORDER[ours][0]):
            row = table.loc[feature]
            if meaning < SHARED:
                assert row.feature_b == place[meaning]
                assert row.r > 0.9
                assert row.null_r < 0.3
            elif meaning >= FEATURES - 2:
                # The null keeps the word: nothing is left of what it decides.
                assert row.feature_b == place[meaning]
                assert row.null_r > 0.9 * row.r
                assert row.q > 0.05
    assert len(found.families) == SHARED


def test_blocks_hold_whole_cells_and_every_row_once(kept):
    _, seen = kept
    assert len(seen["rows"]) > 5
    assert 0 < seen["first"] < len(seen["rows"])
    every = np.concatenate(seen["rows"])
    assert sorted(every["row"]) == np.flatnonzero(not_first(TOKENS)).tolist()
    evaluation = np.concatenate(
        [np.full(len(r), k >= seen["first"]) for k, r in enumerate(seen["rows"])]
    )
    np.testing.assert_array_equal(evaluation, reported(TOKENS)[every["row"]])
    cells = octave(np.arange(LENGTH))[np.nonzero(TOKENS >= 0)[1]] * 100 + TOKENS[TOKENS >= 0]
    for order, block in seen["orders"]:
        np.testing.assert_array_equal(block.strata[order], block.strata)
        size = np.bincount(block.strata)[block.strata]
        np.testing.assert_array_equal(order == np.arange(len(order)), size == 1)
    # A cell is in one block, unless it is larger than a block may be.
    for of_split in (seen["rows"][: seen["first"]], seen["rows"][seen["first"] :]):
        where = [(cell, k) for k, rows in enumerate(of_split) for cell in set(cells[rows["row"]])]
        counts = {cell: sum(c == cell for c, _ in where) for cell, _ in where}
        rows = np.concatenate(of_split)["row"]
        for cell, count in counts.items():
            # Cells that share the first bits of their hash with a large one are cut with it.
            assert count == 1 or (cells[rows] == cell).sum() > 300


def test_contexts_are_the_highest_tokens_of_different_documents(kept):
    found, _ = kept
    tables = found.tables()
    document, position = np.nonzero(TOKENS >= 0)
    contexts_of = tables["quizzes"].set_index("quiz")
    for number, name in enumerate("ab"):
        values = CODES[name][0] * not_first(TOKENS)[:, None]
        examples = tables["examples"].query(f"agent == {number}").set_index("feature")
        for feature in (0, 3, 7):
            of_document = np.zeros(DOCUMENTS)
            np.maximum.at(of_document, document, values[:, feature])
            best = np.argsort(-of_document)[:4]
            shown = contexts_of.loc[examples.loc[feature].quizzes]
            assert shown.document.tolist() == best.tolist()
            lines = np.frombuffer(examples.loc[feature].activations, np.uint8).reshape(4, -1)
            for line, (_, row) in zip(lines, shown.iterrows(), strict=True):
                own = document == row.document
                level = np.zeros(contexts.LENGTH)
                for at, value in zip(position[own], values[own, feature], strict=True):
                    place = at - row.position + contexts.BEFORE
                    if 0 <= place < contexts.LENGTH:
                        level[place] = value / values[:, feature].max()
                np.testing.assert_allclose(line / 255, level, atol=1 / 255)
                peak = row.tokens[contexts.BEFORE]
                assert peak == TOKENS[row.document, row.position]
            fires = (values[not_first(TOKENS), feature] > 0).sum()
            assert examples.loc[feature].histogram.sum() == fires
    family = tables["family_examples"].iloc[0]
    lines = np.frombuffer(family.activations, np.uint8).reshape(2, 4, -1)
    peaks = lines.max(axis=2).mean(axis=0)
    assert (np.diff(peaks) <= 0).all()
    assert peaks[0] > 150


def test_models_and_saes_of_every_kind_give_the_same():
    rng = np.random.default_rng(3)
    there = TOKENS >= 0
    embed = torch.from_numpy(rng.normal(size=(2, 7, 8))).float()
    weights = torch.from_numpy(rng.normal(size=(2, 8, 12))).float()

    def model(k):
        # Activations know all words before.
        return lambda tokens: (
            embed[k][tokens].cumsum(dim=1) / (1 + torch.arange(tokens.shape[1]))[:, None]
        )

    def sae(k):
        return lambda x: (x @ weights[k] - 0.5).relu()

    whole = [
        model(k)(torch.from_numpy(np.maximum(TOKENS, 0)))[torch.from_numpy(there)] for k in (0, 1)
    ]
    given = {
        "callables": ([model(0), model(1)], [sae(0), sae(1)]),
        "activations": (whole, [sae(0), sae(1)]),
        "codes": (None, [sae(k)(whole[k]) for k in (0, 1)]),
        "sparse": (None, [csr(sae(k)(whole[k]).numpy()) for k in (0, 1)]),
    }
    found = [
        compare(*pair, TOKENS, **{**OPTIONS, "resamples": 1, "permutations": 1}).matches.table.r
        for pair in given.values()
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-5)
    assert found[0].notna().all()


def test_a_hooked_transformer_is_read_where_its_sae_says():
    torch.manual_seed(0)
    options = {
        "n_layers": 2,
        "d_model": 8,
        "n_heads": 2,
        "d_head": 4,
        "n_ctx": LENGTH,
        "d_vocab": 6,
    }
    with warnings.catch_warnings(action="ignore"):  # of what version 4 will drop
        hooked = HookedTransformer(HookedTransformerConfig(**options, act_fn="relu", device="cpu"))
    sites = ["blocks.0.hook_resid_post", "blocks.1.attn.hook_z"]
    saes = [standard(8, site) for site in sites]
    documents = Documents(TOKENS[-20:])  # some end before the others
    kept = documents.tokens >= 0
    kept[:, 0] = False
    found = Coder("a", hooked, saes).codes(documents, kept, 0)
    _, cache = hooked.run_with_cache(torch.from_numpy(np.maximum(documents.tokens, 0)))
    for codes_, site, sae in zip(found, sites, saes, strict=True):
        expected = sae.encode(cache[site][torch.from_numpy(kept)].flatten(1))
        np.testing.assert_allclose(codes_.toarray(), expected.detach().numpy(), atol=1e-5)
    # The same site by the name of its module.
    by_module = Coder("a", activations_at(hooked, "blocks.0.hook_resid_post"), saes[:1])
    again = by_module.codes(documents, kept, 0)[0]
    np.testing.assert_allclose(again.toarray(), found[0].toarray(), atol=1e-5)
    with pytest.raises(UserError, match=r"no hook point 'blocks\.7\.hook_resid_post'"):
        Coder("a", hooked, saes, "blocks.7.hook_resid_post").codes(documents, kept, 0)
    with pytest.raises(UserError, match=r"has no module 'blocks\.7'"):
        activations_at(hooked, "blocks.7")
    longer = Documents(np.zeros((2, LENGTH + 1), dtype=np.int64))
    with pytest.raises(UserError, match=f"it reads {LENGTH} tokens, and documents have up to 21"):
        Coder("a", hooked, saes).codes(longer, longer.tokens >= 0, 0)
    unknown = Documents(TOKENS[:2] + 6)
    with pytest.raises(UserError, match="it knows tokens 0 to 5, and there is 11"):
        Coder("a", hooked, saes).codes(unknown, unknown.tokens >= 0, 0)


def test_features_that_never_fire_leave_nothing_to_compare():
    found = compare(None, CODES, TOKENS, **{**OPTIONS, "min_firings": 10**6})
    assert found.overall["within_cell"].reason == "there is no feature to compare"
    tables = found.tables()
    assert len(tables["matches"]) == 2 * FEATURES
    assert len(tables["families"]) == len(tables["examples"]) == 0


def test_features_below_zero_are_compared_and_have_no_contexts():
    below = {name: -first for name, (first, _) in CODES.items()}
    found = compare(None, below, TOKENS, **OPTIONS)
    above = compare(None, {name: first for name, (first, _) in CODES.items()}, TOKENS, **OPTIONS)
    np.testing.assert_allclose(found.matches.table.r, above.matches.table.r, atol=1e-6)
    tables = found.tables()
    assert len(tables["examples"]) == 2 * FEATURES
    assert len(tables["quizzes"]) == 0


def test_half_a_character_becomes_a_question_mark(tmp_path):
    half = {name + "\ud800": each for name, each in CODES.items()}
    found = compare(
        None, half, TOKENS, kinds=["\ud800"] * DOCUMENTS, words=["\ud800"] * 6, **OPTIONS
    )
    assert found.names == ("a?", "b?")
    contexts_of = pd.read_parquet(found.write(tmp_path) / "quizzes.parquet")
    assert set(contexts_of.task) == {"?"}
    assert {word for of in contexts_of.words for word in of} == {"", "?"}


def test_without_a_second_sae_the_reason_is_said():
    found = compare(None, {k: v[0] for k, v in CODES.items()}, TOKENS, **OPTIONS)
    assert found.overall["within_cell"].value is None
    assert "no second SAE" in found.overall["within_cell"].reason
    assert found.overall["within_cell"].excess > 0.5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"saes": {"a": CODES["a"]}}, "at least two models"),
        ({"models": {"a": None, "c": None}}, "same names, got a, c and a, b"),
        (
            {"tokens": TOKENS[:-1]},
            "model a: codes or activations of 5,950 tokens, and there are 5,935",
        ),
        (
            {"tokens": texts(400)},
            "model a: codes or activations of 5,950 tokens, and there are more",
        ),
        ({"tokens": TOKENS.astype(float)}, "tokens must be whole numbers"),
        (
            {"cells": ("kind",)},
            "nothing is known of 'kind' for every token; known: token, position",
        ),
        ({"nulls": ("quizzes",)}, "does not permute within cells"),
        ({"nulls": ("rows",)}, "unknown null 'rows'"),
        ({"kinds": ["x"]}, "1 kinds for 300 documents"),
        ({"saes": {"a": CODES["a"][0] * np.nan, "b": CODES["b"]}}, "not finite"),
        ({"saes": {"a": CODES["a"][0][:, 0], "b": CODES["b"]}}, "codes must be [tokens, features]"),
        ({"saes": {"a": lambda x: x, "b": CODES["b"]}}, "needs activations"),
        ({"saes": {"a": [], "b": CODES["b"]}}, "model a has no SAE"),
        ({"saes": {"a": "sae", "b": CODES["b"]}}, "one of sae_lens, a callable, or codes"),
        ({"saes": standard(8)}, "saes must be given by name or in a list, got StandardSAE"),
        ({"saes": batch_topk()}, "(batchtopk) makes of a token depends on other tokens"),
        ({"saes": temporal()}, "(temporal) makes of a token depends on other tokens"),
        ({"saes": {"a": CODES["a"][0][:, :0], "b": CODES["b"]}}, "got [5950, 0]"),
        ({"saes": {"a": CODES["a"][0] * 1j, "b": CODES["b"]}}, "must be numbers, got complex"),
        (
            {"saes": {"a": torch.eye(3).to_sparse(), "b": CODES["b"]}},
            "sparse codes must be of SciPy",
        ),
        (
            {"models": ACTIVATIONS, "saes": {"a": standard(9), "b": standard(8)}},
            "model a: its SAE is of activations of width 9, and these have 8",
        ),
        (
            {"models": ACTIVATIONS, "saes": {"a": lambda x: x[1:], "b": standard(8)}},
            "model a: its SAE must give codes [5650, features], got [5649, 8]",
        ),
        (
            {"models": ACTIVATIONS, "saes": {"a": lambda x: (x, x), "b": standard(8)}},
            "model a: its SAE gave no array, but a tuple",
        ),
        ({"tokens": TOKENS + 2**31}, "tokens must be 2,147,483,647 at the most"),
        ({"tokens": {"input_ids": TOKENS}}, "tokens must be an array, sequences or batches"),
        ({"tokens": ["a text"]}, "sequences of token ids, or sae.Documents, got str"),
        ({"tokens": [{"input_ids": TOKENS}]}, "or sae.Documents, got dict"),
        (
            {"tokens": np.minimum(TOKENS, 0)},
            "too few different documents (2, with 5,650 tokens to compare)",
        ),
        ({"columns": {"token": TOKENS}}, "a column cannot be called 'token'"),
        ({"nulls": ()}, "nulls is empty"),
        ({"skip": -1}, "skip must be 0 or more, got -1"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(given, said, tmp_path):
    whole = {
        "models": None,
        "saes": CODES,
        "tokens": TOKENS,
        "folder": tmp_path,
        **OPTIONS,
        **given,
    }
    with pytest.raises(UserError) as refused:
        compare(whole.pop("models"), whole.pop("saes"), whole.pop("tokens"), **whole)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_documents_come_in_many_forms():
    batch = Documents(TOKENS, ["x", "y"] * (DOCUMENTS // 2))
    rows = [row[row >= 0] for row in TOKENS]
    lists = [[], *(row.tolist() for row in rows)]
    batches = iter([TOKENS[:100], [row.tolist() for row in rows[100:]]])
    options = {**OPTIONS, "resamples": 1, "permutations": 1}
    first = compare(None, CODES, torch.from_numpy(TOKENS), **options)
    for given in (lists, rows, batches):
        other = compare(None, CODES, given, **options).matches.table
        np.testing.assert_allclose(other.r, first.matches.table.r, atol=1e-12)
    for given in ({"tokens": batch}, {"tokens": TOKENS, "kinds": np.array(batch.kinds)}):
        kinds = compare(None, CODES, **given, **options).tables()["quizzes"]
        assert kinds.task.tolist() == ["xy"[d % 2] for d in kinds.document]
    # Padding says nothing of a document.
    wider = np.concatenate([TOKENS, np.full((DOCUMENTS, 3), -1)], axis=1)
    assert (Documents(wider).hashes == Documents(TOKENS).hashes).all()
    assert len(np.unique(Documents(TOKENS).hashes)) == DOCUMENTS


def test_a_word_for_every_token_is_shown():
    found = compare(None, CODES, TOKENS, words=["zero", "one"], **OPTIONS)
    words = found.tables()["quizzes"]
    shown = {w for of in words.words for w in of}
    assert shown == {"", "zero", "one", "2", "3", "4", "5"}
    assert replace(found, word=str).tables()["features"].name.str.contains("“0”").any()
