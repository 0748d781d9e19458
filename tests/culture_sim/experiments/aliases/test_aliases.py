"""The whole experiment at its smallest; its arms, its verdicts, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agents.model import build_model
from agents.training import Learner
from culture_sim.cli import main
from culture_sim.experiments.aliases import Aliases
from culture_sim.experiments.aliases.agent import read_curve, read_picture
from culture_sim.experiments.aliases.arms import (
    ALONE,
    ARMS,
    DERANGED,
    HALF,
    JOINED,
    LINKED,
    ONE_WAY,
    TAGGED,
    TWO,
)
from culture_sim.experiments.aliases.claims import judge
from culture_sim.experiments.aliases.exam import (
    NEITHER,
    OTHER,
    TRAINED,
    Exam,
    alignment,
)
from culture_sim.experiments.aliases.plots import colours_of
from culture_sim.experiments.aliases.results import SETTINGS, Found, find
from culture_sim.experiments.findings import COLUMNS
from culture_sim.experiments.page import write_page
from culture_sim.experiments.units import Place, make
from culture_sim.run.environment import environment
from tests.culture_sim.experiments.aliases.made_up import OPTIONS, write, write_all

BETTER = {TWO: (0, 20), LINKED: (10, 96), DERANGED: (0, 20), HALF: (0, 40), ONE_WAY: (0, 30),
          TAGGED: (0, 30), JOINED: (30, 97)}  # fmt: skip
"""Hits of 100 where links do what the source hoped."""


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "units")


@pytest.mark.slow
def test_the_smallest_experiment_from_the_command_line(tmp_path, capsys):
    words = ["experiment", "aliases", "--quick", "--runs", str(tmp_path)]
    assert main(words) == 0
    folder = tmp_path / "experiment-aliases"
    table = pd.read_parquet(folder / "results.parquet")
    assert set(table.columns) == {*SETTINGS, *COLUMNS}
    of_culture = {"none", "random_filter", "full", "pooled"}
    assert set(table["arm"]) == {*ARMS, "linked, weight 3", *of_culture}
    assert set(table["measure"]) >= {"accuracy", "trained on", "alignment", "steps to learn"}
    assert set(table["measure"]) >= {"wave share", "loss, waves alone", "features, correlation"}
    summary = json.loads((folder / "summary.json").read_text())
    assert {each["answer"] for each in summary["verdicts"]} == {"open"}
    assert summary["found"]["compared"] == [0.4]
    assert "<svg" in (folder / "report/index.html").read_text()
    capsys.readouterr()
    assert main(words) == 0
    assert "of 2" not in capsys.readouterr().out  # nothing is made again
    assert main([*words, "--rows", "8"]) == 2
    assert "another train.epoch_quizzes" in capsys.readouterr().err


def test_arms_hold_out_the_same_cells_and_take_the_same_steps():
    agents = {arm: OPTIONS.agent(arm, 0.6, 1) for arm in ARMS}
    apart = [agent.world.material.apart for agent in agents.values()]
    assert all(np.array_equal(each, apart[0]) for each in apart)
    for agent in agents.values():
        assert agent.train.batch_size == OPTIONS.rows * len(agent.world.tasks)
        assert agent.train.max_quizzes == OPTIONS.steps * agent.train.batch_size
    other = OPTIONS.agent(ALONE, 0.6, 2).world.material.apart
    assert (other != apart[0]).any()
    assert len({agent.name for agent in agents.values()}) == len(ARMS)


def test_cells_are_asked_by_evidence():
    world = OPTIONS.world(TWO, 0.6, 0)
    numbers, aliases = world.material.splits
    for table, (own, other) in enumerate(((numbers, aliases), (aliases, numbers))):
        cells = Exam(world, 1000).of(table)
        assert {tuple(c) for c in cells[OTHER]} == {
            tuple(c) for c in np.argwhere((own > 0) & (other == 0))
        }
        assert {tuple(c) for c in cells[NEITHER]} == {
            tuple(c) for c in np.argwhere((own > 0) & (other > 0))
        }
    joined = Exam(OPTIONS.world(JOINED, 0.6, 0), 1000).of(0)
    assert len(joined[OTHER]) == 0
    assert np.array_equal(joined[NEITHER], Exam(world, 1000).of(0)[NEITHER])
    assert len(Exam(world, 5).of(0)[OTHER]) == 5


def test_what_an_agent_leaves(place, monkeypatch):
    """Interrupted, it goes on to the same; its picture agrees with its cells."""
    options = Aliases.quick()
    agent = options.agent(HALF, 0.8, 0)
    make(place, agent)
    curve = read_curve(place, agent)
    assert [p["steps"] for p in curve] == [10, 20]
    counts = curve[-1]["held out"]["numbers"]
    assert counts[OTHER][1] >= sum(
        counts[n][1] for n in ("x and y are linked", "neither is linked")
    )
    picture = read_picture(place, agent)
    assert ((picture == TRAINED) == (agent.world.material.splits[0] == 0)).all()
    saved = Learner.save
    cut = Place(place.folder.parent / "cut")

    def once(self, *arguments):
        saved(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "save", once)
    with pytest.raises(KeyboardInterrupt):
        make(cut, agent)
    monkeypatch.setattr(Learner, "save", saved)
    make(cut, agent)
    assert read_curve(cut, agent) == curve


def test_letters_that_are_embedded_alike_are_aligned():
    agent = OPTIONS.agent(DERANGED, 0.4, 0)
    model = build_model(agent.model, agent.world, seed=0)
    p, partner = 13, agent.world.material.partner
    weight = model.embed.weight.data
    weight[4 + p + partner] = 2 * weight[4 : 4 + p]
    found = alignment(model, agent.world)
    assert found["linked"] == pytest.approx(1.0)
    assert abs(found["own"]) < 0.5
    assert abs(found["any"]) < 0.5
    assert alignment(model, OPTIONS.world(ALONE, 0.4, 0)) == {}


def test_all_arms_are_compared_where_one_table_alone_fails(place):
    write_all(place, {})
    assert OPTIONS.looked_at(place) == (0.6, 0.8)
    assert Aliases(**{**vars(OPTIONS), "compared": 0}).looked_at(place) == ()
    assert Aliases(**{**vars(OPTIONS), "shares": (0.4,)}).looked_at(place) == (0.4,)


@pytest.mark.parametrize(
    ("changed", "answers"),
    [
        ({}, ["confirmed", "confirmed", "refuted", "confirmed", "confirmed"]),
        ({LINKED: (0, 20)}, ["refuted", "refuted", "refuted", "confirmed", "open"]),
        ({LINKED: (30, 60)}, ["refuted", "confirmed", "refuted", "confirmed", "confirmed"]),
        ({LINKED: (10, 93)}, ["open", "confirmed", "refuted", "confirmed", "confirmed"]),
        ({DERANGED: (0, 50)}, ["confirmed", "confirmed", "confirmed", "confirmed", "confirmed"]),
        ({JOINED: (0, 20)}, ["confirmed", "confirmed", "refuted", "refuted", "confirmed"]),
    ],
)
def test_verdicts_follow_the_figures(place, changed, answers):
    write_all(place, {**BETTER, **changed}, linked=(0.1, 0.1))
    found = [verdict.answer for verdict in judge(Found(OPTIONS, place))]
    assert found == [*answers, *["refuted"] * 5]


@pytest.mark.parametrize(("stay", "answer"), [(3, "refuted"), (40, "confirmed")])
def test_an_alias_does_for_its_number_or_not(place, stay, answer):
    write_all(place, BETTER, stay=stay)
    assert judge(Found(OPTIONS, place))[5].answer == answer


@pytest.mark.parametrize(
    ("alike", "answer"), [(-0.03, "refuted"), (0.01, "open"), (0.1, "confirmed")]
)
def test_features_are_alike_at_linked_letters_or_not(place, alike, answer):
    write_all(place, BETTER, alike=alike)
    found = judge(Found(OPTIONS, place))[6:8]
    assert [verdict.answer for verdict in found] == [answer, answer]


@pytest.mark.parametrize(("trusted", "answer"), [(5, "refuted"), (30, "confirmed")])
def test_links_that_are_said_to_be_reliable_are_believed_or_not(place, trusted, answer):
    write_all(place, BETTER, trusted=trusted)
    found = judge(Found(OPTIONS, place))[8:]
    assert [verdict.answer for verdict in found] == [answer, answer]


@pytest.mark.parametrize("linked", [(0.0, 0.4), (0.0, 0.0), (-0.2, -0.1)])
def test_alignment_may_come_later_or_never(place, linked):
    write_all(place, BETTER, linked=linked)
    assert judge(Found(OPTIONS, place))[4].answer == "refuted"


def test_without_a_share_at_which_one_table_fails_no_window_is_refuted(place):
    """All arms are compared at the largest share, where one table alone is learned as well."""
    options = replace(OPTIONS, shares=(0.4,), sae_tokens=0)
    write_all(place, {}, options)
    for arm, hits in BETTER.items():
        for agent in options.of_seeds(arm, 0.4):
            write(place, agent, hits)
    window = judge(Found(options, place))[0]
    assert (window.answer, window.because) == (
        "open", "at 0.4: 3 of 3 learn it after 200 to 200 steps alone, "
        "3 of 3 learn it after 200 to 200 steps linked",
    )  # fmt: skip


def test_every_arm_has_a_colour_of_its_own():
    arms = replace(OPTIONS, link_weights=(0.1, 0.3, 3.0, 10.0)).arms
    found = colours_of(arms)
    assert list(found) == list(arms)
    assert len(set(found.values())) == len(arms) == 12


def test_the_page_draws_what_was_found(place, tmp_path):
    write_all(place, BETTER)
    findings = find(OPTIONS, place)
    learned = {(e["arm"], e["share"]): e["steps"] for e in findings.summary["learned"]}
    assert learned[ALONE, 0.4] == [200] * 3
    assert learned[LINKED, 0.6] == [200] * 3
    assert learned[TWO, 0.6] == [None] * 3
    assert [section.title for section in findings.sections][:2] == ["One table alone", "Two tables"]
    row = findings.sections[1].tables[0].rows[2]
    assert row[0] == "linked, 60%"
    assert row[1] == "3 of 3"
    page = write_page(
        tmp_path, "aliases", OPTIONS, findings, {"options": {}, "environment": environment()}
    )
    assert page.read_text().count("<svg") == 9


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shares": (0.5, 0.4)}, "--shares must be one or more, rising"),
        ({"shares": ()}, "--shares"),
        ({"shares": (1.0,)}, "world.held_out must be"),
        ({"modulus": 12}, "world.modulus must be a prime"),
        ({"steps": 150}, r"--steps \(150\) must be a multiple of --look \(100\)"),
        ({"width": 40}, "--width must be a multiple of 32, got 40"),
        ({"compared": -1}, "--compared must be 0 or more"),
        ({"link_weights": (-1.0,)}, "--link-weights must be amounts, 0 or more"),
        ({"link_weights": (1.0, 1.0)}, "--link-weights names a weight twice"),
        ({"seeds": 0}, "aliases.seeds must be at least 1"),
        ({"sae_tokens": 100}, "--sae-tokens must be 0, or at least 512"),
        ({"modulus": 5, "shares": (0.04,)}, "too few cells"),
    ],
)
def test_options_that_cannot_be_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        Aliases(**options)
