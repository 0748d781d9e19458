"""A crosscoder's folder: complete, of known origin, and made once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sae.activations.harvest import token_rows
from sae.activations.quizzes import held_out_quizzes, training_source
from sae.artifacts import read_record
from sae.crosscoder.analysis import analyse
from sae.crosscoder.config import CrosscoderConfig
from sae.crosscoder.harvest import JointActivations
from sae.crosscoder.model import load_crosscoder
from sae.crosscoder.stage import crosscoder_done, fit_crosscoder
from sae.dictionaries.training import RECORD
from tests.sae.conftest import SITE
from world import Stream

STREAM = Stream(0, "test-crosscoder-stage")
CONFIG = CrosscoderConfig(
    d_sae=48,
    k=6.0,
    training_tokens=102_400,
    epochs_per_buffer=4,
    buffer_quizzes=100,
    min_firings=20,
)
ORIGIN = {"agents": {"0": "aa", "1": "bb"}}


@pytest.fixture(scope="module")
def held_out(small_world):
    return held_out_quizzes(small_world, STREAM, 100)


@pytest.fixture(scope="module")
def joint(agents, small_world):
    return JointActivations(dict(enumerate(agents)), small_world, SITE)


@pytest.fixture(scope="module")
def fitted(joint, small_world, held_out, tmp_path_factory):
    path = tmp_path_factory.mktemp("crosscoder") / SITE / "0"
    source, seen = training_source(small_world, STREAM), []
    record = fit_crosscoder(
        joint, source, held_out, CONFIG, path, 7, ORIGIN, lambda *told: seen.append(told)
    )
    return path, record, seen


def test_record_and_progress(fitted):
    path, record, seen = fitted
    assert read_record(path / RECORD) == record
    assert record["made_from"]["agents"] == ORIGIN["agents"]
    assert record["made_from"]["site"] == SITE
    assert set(record["quality"]["explained_variance"]) == {"0", "1"}
    assert min(record["quality"]["explained_variance"].values()) > 0.5
    assert 3 < record["quality"]["l0"] < 9
    assert seen[-1][:2] == (102_400, 102_400)


def test_complete_crosscoder_is_left_alone_and_outdated_one_is_not(
    fitted, joint, small_world, held_out
):
    path, record, _ = fitted
    source = training_source(small_world, STREAM)
    before = (path / "sae_weights.safetensors").stat().st_mtime_ns
    assert fit_crosscoder(joint, source, held_out, CONFIG, path, 7, ORIGIN) == record
    assert (path / "sae_weights.safetensors").stat().st_mtime_ns == before
    assert crosscoder_done(ORIGIN, SITE, replace(CONFIG, carried=0.3), 7, path)
    assert not crosscoder_done(ORIGIN, SITE, replace(CONFIG, k=5.0), 7, path)
    assert not crosscoder_done(ORIGIN, SITE, CONFIG, 8, path)
    assert not crosscoder_done({"agents": {}}, SITE, CONFIG, 7, path)
    assert not crosscoder_done(ORIGIN, SITE, CONFIG, 7, path.parent / "1")


def test_a_loaded_crosscoder_can_be_analysed(fitted, joint, small_world, held_out):
    crosscoder = load_crosscoder(fitted[0])
    rows = token_rows(small_world, held_out)
    analysis = analyse(crosscoder, joint.blocks(held_out, 100), rows, CONFIG)
    graded, again = fitted[1]["quality"], analysis.quality.as_dict()
    assert again["explained_variance"] == pytest.approx(graded["explained_variance"])
    assert again["l0"] == pytest.approx(graded["l0"])
    assert len(analysis.features) == CONFIG.d_sae
    assert len(analysis.scaling) == CONFIG.d_sae * 2
    judged = analysis.features[analysis.features.judged]
    assert len(judged) > 10
    assert judged.cell_share.between(-0.1, 1.0001).all()
