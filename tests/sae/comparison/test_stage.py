"""Two agents from quizzes to files, and what the files say."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agents.model import build_model
from sae.activations.codes import agent_codes
from sae.activations.harvest import kept_tokens, token_rows
from sae.activations.quizzes import held_out_quizzes, training_source
from sae.comparison.examples import LEVELS, QUIZZES
from sae.comparison.stage import compare_agents
from sae.dictionaries.baselines import baselines
from sae.dictionaries.slots import SAESlot, sae_roles, train_slots
from sae.dictionaries.training import load_sae
from sae.matching.features import select_features
from tests.sae.conftest import SITE
from tests.sae.dictionaries.test_training import CONFIG
from world import QuizBatch, Stream, concatenate
from world.core.errors import UserError
from world.core.files import read_json, write_json

STREAM = Stream(0, "test-stage")
SHORT = replace(CONFIG, training_tokens=20_000, baselines=tuple(baselines))
(DICTIONARY,) = SHORT.dictionaries([SITE])
NOTES = {"culture_quizzes": 30}


@pytest.fixture(scope="module")
def batch(small_world):
    """World quizzes, and some that pass for an agent's own."""
    drawn = held_out_quizzes(small_world, STREAM, 200)
    unknown = QuizBatch(drawn.tokens[:30], drawn.layout[:30], np.full(30, -1, dtype=np.int16))
    return concatenate([drawn[30:], unknown])


@pytest.fixture(scope="module")
def compared(agents, small_world, batch, tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    source, slots = training_source(small_world, STREAM), []
    for number, agent in enumerate(agents):
        for i, role in enumerate(sae_roles(SHORT)):
            seed = Stream(0, "sae", number).seed(i)
            slot = SAESlot(number, role, seed, root / "sae" / SITE / str(number) / role)
            train_slots(agent, small_world, source, batch, DICTIONARY, [slot], f"agent {number}")
            slots.append(slot)
    by_number = dict(enumerate(agents))
    out, ticks = root / "features" / SITE, []
    known = held_out_quizzes(small_world, STREAM, 200)
    arguments = (by_number, slots, small_world, batch, known, DICTIONARY, SHORT, out, STREAM, NOTES)
    found = compare_agents(*arguments, lambda done, total: ticks.append((done, total)))
    return arguments, found, ticks


def test_matches(compared):
    (*_, out, _, _), _, _ = compared
    table = pd.read_parquet(out / "matches.parquet")
    assert len(table) == 2 * DICTIONARY.d_sae
    assert list(table.columns) == [
        "agent_a", "feature_a", "agent_b", "feature_b", "second_b", "r", "r_chosen", "r_within",
        "p", "q", "mutual", "kind", "ridge_r2", "ridge_null_r2", "assigned", "assigned_r",
        "null_r", "null_r_quizzes", "ceiling_r", "firings_a", "firings_b", "tokens", "site",
        "decoder_cosine", "decoder_match", "dictionary",
    ]  # fmt: skip
    common = table.firings_a >= 2 * SHORT.min_firings
    assert table.r[~common].isna().all()
    assert table.feature_b[~common].isna().all()
    assert table.r[common].notna().mean() > 0.9
    assert table.q[table.r.notna()].between(0, 1).all()
    assert table.second_b[table.r.notna()].notna().all()
    assert set(table.site) == {SITE}
    best = table[table.agent_a == 0].set_index("feature_a")
    back = table[table.agent_a == 1].set_index("feature_a")
    for feature, row in best[best.mutual].iterrows():
        assert back.feature_b[row.feature_b] == feature
        assert back.r[row.feature_b] == pytest.approx(row.r)


def test_agents_that_learned_the_same_share_features(compared):
    _, found, _ = compared
    universality = found["universality"]
    assert universality["cross"] > universality["null"]
    assert universality["ceiling"] > universality["null"]
    assert universality["low"] <= universality["value"] <= universality["high"]


def test_summary(compared):
    (*_, out, _, _), found, ticks = compared
    assert found == read_json(out / "summary.json", "")
    assert found["agents"] == [0, 1]
    assert found["quizzes"] == 200
    assert found["culture_quizzes"] == 30
    assert found["tokens"] == 200 * 100
    assert [(s["agent"], s["sae"]) for s in found["saes"]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert set(found["by_null"]) == {"within_cell", "quizzes"}
    shared = found["families"]["shared"]
    compared_features = sum(s["compared"] for s in found["saes"] if s["sae"] == 0)
    assert shared["1"] + 2 * shared["2"] == compared_features
    matches = pd.read_parquet(out / "matches.parquet")
    for row, agent in enumerate(found["agents"]):
        of_agent = matches[matches.agent_a == agent]
        r, null_r = (found["matrices"][name][row] for name in ("r", "null_r"))
        assert r[row] == pytest.approx(of_agent.ceiling_r.median())
        assert r[1 - row] == pytest.approx(of_agent.r.median())
        assert null_r[1 - row] == pytest.approx(of_agent.null_r.median())
        assert null_r[row] is None
    assert 0 < found["geometry"]["variance"] < 1
    assert found["geometry"]["compared"] <= found["geometry"]["best"] <= 1
    assert set(found["baselines"]) == set(baselines)
    for baseline in found["baselines"].values():
        assert baseline["features"] > 0
        low, high = baseline["intervals"]["excess"]
        assert low <= high
    assert found["baselines"]["frozen_decoder"]["quality"]["l0"] > 0
    assert found["baselines"]["pca"]["quality"] is None
    assert ticks[-1] == (17, 17)


def test_untrained_agents_are_those_that_their_saes_were_trained_on(compared):
    """Their weights are drawn again, and agents are looked at on several threads."""
    (agents, slots, world, batch, _, _, config, *_), found, _ = compared
    codes = {}
    for slot in slots:
        if slot.role == "untrained":
            fresh = build_model(agents[slot.agent].config, world, slot.seed)
            codes[slot.agent] = agent_codes(fresh, world, batch, SITE, [load_sae(slot.path)])[0]
            quality = slot.record()["quality"]
            fires = codes[slot.agent].nnz / codes[slot.agent].shape[0]
            assert fires == pytest.approx(quality["l0"], rel=0.05)
    evaluation = token_rows(world, batch).evaluation
    features = {a: select_features(c, evaluation, config.min_firings) for a, c in codes.items()}
    assert found["baselines"]["untrained"]["cross"] == pytest.approx(direct(features))


def direct(features):
    """Median r of best matches of two agents, by numpy."""
    halves = [
        [getattr(features[a], half).values.toarray() for a in (0, 1)]
        for half in ("selection", "evaluation")
    ]
    chosen, r = (np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :] for x, y in halves)
    ahead = r[np.arange(len(r)), chosen.argmax(axis=1)]
    back = r[chosen.argmax(axis=0), np.arange(r.shape[1])]
    return np.median(np.concatenate([ahead, back]))


def test_features_have_names(compared):
    (*_, out, _, _), found, _ = compared
    names = pd.read_parquet(out / "features.parquet")
    assert len(names) == 2 * DICTIONARY.d_sae
    named = names[names.name != "unnamed"]
    assert len(named)
    assert (named.f1 >= 0.5).all()
    families = pd.read_parquet(out / "families.parquet")
    assert families.name.notna().all()
    concepts = pd.read_parquet(out / "concepts.parquet")
    assert set(concepts.agent) == {0, 1}
    coverage = pd.read_parquet(out / "coverage.parquet")
    assert set(coverage.dictionary) == {DICTIONARY.name, *baselines}
    assert set(found["meaning"]["coverage"]) == {DICTIONARY.name, *baselines}
    assert not list(out.glob(".*"))


def sources_fired_on(agents, slots, world, batch):
    """By agent, how many different quizzes each feature fires on."""
    rows = token_rows(world, batch)
    fired_on = {}
    for slot in (slot for slot in slots if slot.role == "0"):
        (codes,) = agent_codes(agents[slot.agent], world, batch, SITE, [load_sae(slot.path)])
        token, feature = codes.nonzero()
        pairs = pd.DataFrame({"feature": feature, "source": rows.source[rows.quiz[token]]})
        fired_on[slot.agent] = pairs.groupby("feature").source.nunique()
    return fired_on


def test_every_compared_feature_has_examples(compared, small_world, batch):
    (agents, slots, *_, out, _, _), found, _ = compared
    quizzes = pd.read_parquet(out / "quizzes.parquet").set_index("quiz")
    for quiz, row in quizzes.iterrows():
        assert row.tokens.tolist() == batch.tokens[quiz].tolist()
    assert set(quizzes.task.dropna()) <= set(small_world.tasks)
    matches = pd.read_parquet(out / "matches.parquet").set_index(["agent_a", "feature_a"])
    examples = pd.read_parquet(out / "examples.parquet")
    assert len(examples) == sum(s["compared"] for s in found["saes"] if s["sae"] == 0)
    sources, kept = small_world.canonical_hash(batch), kept_tokens(small_world, batch)
    fired_on = sources_fired_on(agents, slots, small_world, batch)
    for row in examples.itertuples():
        shown = min(QUIZZES, fired_on[row.agent][row.feature])
        assert len(set(sources[row.quizzes])) == len(row.quizzes) == shown
        lines = np.frombuffer(row.activations, np.uint8).reshape(QUIZZES, small_world.seq_len)
        peaks = lines.max(axis=1)
        assert peaks[0] == LEVELS
        assert (np.diff(peaks.astype(int)) <= 0).all()
        assert (lines[:shown][~kept[row.quizzes]] == 0).all()
        assert (peaks > 0).sum() == shown
        firings = matches.firings_a[row.agent, row.feature]
        assert row.histogram.sum() == firings
        assert row.histogram[-1] > 0
        assert row.zero == pytest.approx(1 - firings / found["tokens"])
        assert row.logits.shape == (small_world.vocab_size,)
        assert row.logits.sum() == pytest.approx(0, abs=1e-3)


def test_families_are_shown_on_the_same_quizzes(compared, small_world):
    (*_, out, _, _), _, _ = compared
    families = pd.read_parquet(out / "families.parquet")
    shown = pd.read_parquet(out / "family_examples.parquet")
    quizzes = set(pd.read_parquet(out / "quizzes.parquet").quiz)
    assert 0 < len(shown) == len(families)
    for row, family in zip(shown.itertuples(), families.itertuples(), strict=True):
        assert row.agents.tolist() == family.agents.tolist()
        assert set(row.quizzes) <= quizzes
        shape = (family.k, QUIZZES, small_world.seq_len)
        lines = np.frombuffer(row.activations, np.uint8).reshape(shape)
        peaks = lines.max(axis=2).mean(axis=0)[: len(row.quizzes)]
        assert (np.diff(peaks) <= 1).all()
        assert (peaks > 0).all()


def test_complete_comparison_is_left_alone_until_an_option_changes(compared):
    arguments, found, _ = compared
    *head, config, out, stream, notes = arguments
    before = (out / "matches.parquet").stat().st_mtime_ns
    beside = out / "effects.json"
    beside.write_text("{}")
    assert compare_agents(*arguments) == found
    assert (out / "matches.parquet").stat().st_mtime_ns == before
    assert beside.exists()
    changed = compare_agents(*head, replace(config, min_firings=60), out, stream, notes)
    assert changed["min_firings"] == 60
    # What other commands found out with the former comparison is not of this one.
    assert not beside.exists()
    assert (out / "matches.parquet").stat().st_mtime_ns > before


def test_files_of_another_version_are_made_again(compared, tmp_path, monkeypatch):
    (*head, out, stream, notes), found, _ = compared
    shutil.copytree(out, tmp_path / "other")
    stale = {**read_json(out / "summary.json", ""), "schema": found["schema"] - 1}
    write_json(tmp_path / "other" / "summary.json", stale)

    def begun(*_):
        raise InterruptedError

    monkeypatch.setattr("sae.comparison.stage._Job.write_all", begun)
    with pytest.raises(InterruptedError):
        compare_agents(*head, tmp_path / "other", stream, notes)


def test_missing_sae_is_one_clear_line(compared, tmp_path):
    (agents, slots, *rest), _, _ = compared
    lost = [*slots[:-1], replace(slots[-1], path=tmp_path / "none")]
    with pytest.raises(UserError, match=r"none/training\.json cannot be read .*; run sae"):
        compare_agents(agents, lost, *rest)
