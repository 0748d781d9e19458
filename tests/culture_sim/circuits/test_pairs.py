"""Tables of matched heads, on profiles made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from agents.circuits.paths import head, mlp
from agents.circuits.profiles import WAYS, Profiles
from culture_sim.circuits.agents import Heads
from culture_sim.circuits.pairs import (
    agreements,
    matched_table,
    of_agents,
    over_culture,
    overall,
    profile_table,
)
from world import Stream

PARTS = (head(0, 0), head(0, 1), head(1, 0), head(1, 1), mlp(0))
CHANGES = ("one", "two", "idle")
TELLING, IDLE = CHANGES[:2], CHANGES[2:]
STREAM = Stream(0, "test")
KINDS = {"0.0": ["mover"], "0.1": [], "1.0": ["other"], "1.1": []}


def heads(agent, effects, kinds=KINDS):
    """effects: by row of PARTS, change and way, with some noise over 40 prompts of metric 2."""
    rng = np.random.default_rng(agent)
    values = 0.02 * rng.normal(size=(len(PARTS), len(CHANGES), len(WAYS), 40))
    for (part, change, way), effect in effects.items():
        values[part, CHANGES.index(change), WAYS.index(way)] += 2.0 * effect
    metric = np.full(40, 2.0, np.float32)
    return Heads(agent, Profiles(PARTS, CHANGES, values.astype(np.float32), metric), kinds)


FIRST = heads(0, {(0, "one", "logits"): -1.0, (2, "two", "q"): 0.5, (4, "one", "mlp"): 0.2})
SWAPPED = heads(1, {(1, "one", "logits"): -1.0, (3, "two", "q"): 0.5, (4, "one", "mlp"): 0.2})


def test_heads_are_matched_where_they_do_the_same():
    table = matched_table([FIRST, SWAPPED], TELLING, IDLE, STREAM)
    acting = table[table.active_a]
    assert list(zip(acting.part_a, acting.part_b, strict=True)) == [
        ("0.0", "0.1"), ("1.0", "1.1"), ("m0", "m0"),
    ]  # fmt: skip
    assert (acting.cosine > 0.99).all()
    assert acting.active_b.all()
    assert acting.kinds_a.tolist() == ["mover", "other", ""]
    found = agreements([FIRST, SWAPPED], TELLING, STREAM, resamples=20, draws=39)
    assert [of["part"] for of in found] == ["head", "mlp"]
    assert found[0]["between"] == pytest.approx(found[0]["ceiling"], abs=0.01)
    assert (found[0]["in_place"], found[1]["in_place"]) == (pytest.approx(0.0, abs=0.01), 1.0)
    means = overall(found)
    # Heads that have one effect each are matched as well when effects are dealt out.
    assert found[0]["p"]["effects dealt"] > 0.05
    assert (means["pairs"], means["beyond_null"]) == (1, 0)
    assert means["value"] == means["value_least"] == found[0]["value"]
    assert overall([]) is None


def test_an_effect_that_changed_is_found_and_no_other():
    now = heads(0, {(0, "one", "logits"): -1.0, (2, "two", "q"): 0.1, (4, "one", "mlp"): 0.2})
    changed = {**KINDS, "1.0": ()}
    now = Heads(0, now.profiles, changed)
    found, table = over_culture([FIRST], [now], TELLING, STREAM, resamples=50, draws=9)
    assert found[0]["changed"] == 1
    assert (found[0]["kinds_before"], found[0]["kinds_after"]) == (KINDS, changed)
    moved = table.loc[table.change_of_effect.abs().idxmax()]
    assert (moved.part, moved.change, moved.way) == ("1.0", "two", "q")
    assert (moved.before, moved.after) == (
        pytest.approx(0.5, abs=0.01), pytest.approx(0.1, abs=0.01)
    )  # fmt: skip
    assert moved.low < moved.change_of_effect < moved.high < -0.3


def test_noise_is_what_should_not_matter():
    loud = heads(0, {(0, "one", "logits"): 0.3, (1, "idle", "v"): 0.4, (2, "two", "k"): -0.5})
    (of,) = of_agents([loud], IDLE)
    assert of["noise"] == pytest.approx(0.4, abs=0.01)
    assert of["active"] == ["1.0"]
    assert (of["difference"], of["preferred"]) == (2.0, 1.0)
    assert of["kinds"] == {"0.0": ["mover"], "1.0": ["other"]}
    table = profile_table({"now": [loud]}, STREAM, resamples=50).set_index(
        ["part", "change", "way"]
    )
    row = table.loc["1.0", "two", "k"]
    assert row.low < row.effect < row.high
    assert row.effect == pytest.approx(-0.5, abs=0.01)
