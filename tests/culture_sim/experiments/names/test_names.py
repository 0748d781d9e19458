"""The whole experiment at its smallest; sentences, agents, verdicts, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch

from agents.circuits.paths import Network
from agents.circuits.statistics import Interval
from agents.config import ModelConfig
from agents.model import build_model
from agents.training import Learner
from culture_sim.cli import main
from culture_sim.experiments.findings import COLUMNS
from culture_sim.experiments.names import Names
from culture_sim.experiments.names.agent import Examined, read_agent
from culture_sim.experiments.names.cases import AFTER_S1, END, IO, S1, S2, cases_of
from culture_sim.experiments.names.circuit import ATTENTION, KEYS, SIZE, Measured
from culture_sim.experiments.names.claims import CLAIMS, Judgement
from culture_sim.experiments.names.dissected import (
    MEASURES,
    Dissected,
    read_dissected,
    scores_of,
)
from culture_sim.experiments.names.effects import NO_NAME, OF_S1
from culture_sim.experiments.names.heads import INDUCTION, INHIBITION, KINDS, MOVER
from culture_sim.experiments.names.ladder import RUNGS, world_of
from culture_sim.experiments.names.results import SETTINGS, Made, find
from culture_sim.experiments.names.verdicts import judge
from culture_sim.experiments.units import Place, make
from world import Stream
from world.core.files import write_json
from world.names import LADDER, NamesWorld
from world.names.words import OPENINGS

SMALL = ["--layers", "1", "--width", "16", "--epoch-quizzes", "64", "--max-quizzes", "64"]
TINY = replace(
    Names.quick(), layers=(1,), width=16, epoch_quizzes=64, max_quizzes=128, exam=20, target=1.0
)


@pytest.mark.slow
def test_the_smallest_experiment_from_the_command_line(tmp_path, capsys):
    """Agents that learned nothing are taken apart all the same, if asked."""
    words = ["experiment", "names", "--quick", "--runs", str(tmp_path), *SMALL, "--learned", "0"]
    assert main(words) == 0
    folder = tmp_path / "experiment-names"
    table = pd.read_parquet(folder / "results.parquet")
    assert set(table.columns) == {*SETTINGS, *COLUMNS}
    measures = {"accuracy", "known by heart", "direct", "score", "effect", "claim", "validation"}
    assert measures <= set(table["measure"])
    asked = table[table["measure"] == "accuracy"].set_index("group")["support"]
    assert asked["abb"] + asked["bab"] == Names.quick().exam
    assert set(table[table["measure"] == "claim"]["group"]) == {claim.name for claim in CLAIMS}
    summary = json.loads((folder / "summary.json").read_text())
    assert len(summary["verdicts"]) == len(CLAIMS) + 4
    (setting,) = summary["found"]["settings"]
    assert (setting["rung"], setting["layers"], setting["learned"]) == (0, 1, 1)
    page = (folder / "report/index.html").read_text()
    assert "Which parts emerge where" in page
    assert page.count("<svg") == 4
    capsys.readouterr()
    assert main(words) == 0
    assert "of 1" not in capsys.readouterr().out.split("claim")[0]  # nothing is made again
    assert main([*words, "--sentences", "30"]) == 2
    assert "another sentences" in capsys.readouterr().err


def test_every_rung_has_one_thing_more():
    assert len(RUNGS) == len(LADDER)
    worlds = [world_of(rung) for rung in range(len(RUNGS))]
    assert [world.names for world in worlds] == [6, 100, 100, 100, 100]
    assert [world.floats for world in worlds] == [0, 0, 4, 4, 4]
    assert [world.templates for world in worlds] == [1, 1, 1, len(OPENINGS), len(OPENINGS)]
    tasks = [set(world.tasks) for world in worlds]
    assert [len(each) for each in tasks] == [2, 2, 2, 3, 4]
    assert tasks[4] - tasks[3] == {"repeat"}


@pytest.mark.parametrize("rung", [0, 3])
def test_columns_say_where_names_stand_as_an_agent_reads_them(rung):
    world = world_of(rung)
    cases = cases_of(world, 24, Stream(0, "test"))
    row = torch.arange(24)

    def words(prompts, place):
        return prompts.tokens[row, prompts.columns[place]]

    base = cases.base
    assert (base.tokens[:, 0] == 0).all()
    assert (words(base, IO) == cases.io).all()
    assert (words(base, S1) == cases.s).all()
    assert (words(base, S2) == cases.s).all()
    assert (base.columns[AFTER_S1] == base.columns[S1] + 1).all()
    lasts = {world.vocab.index(word) for word in ("to", "for")}
    assert set(words(base, END).tolist()) <= lasts
    other = cases.changed["giver"]
    assert (words(other, S2) == cases.io).all()
    read = torch.arange(base.tokens.shape[1]) <= base.columns[END][:, None]
    assert (((other.tokens != base.tokens) & read).sum(1) == 1).all()  # S2 alone, up to the end
    order = cases.changed["order"]
    assert (words(order, IO) == cases.io).all()
    assert (order.columns[IO] == base.columns[S1]).all()
    differs = cases.no_name.tokens != base.tokens
    assert (differs.sum(1) == 1).all()
    assert differs[row, base.columns[IO]].all()
    assert ("moved" in cases.changed) == (rung == 3)
    assert cases.followed.any()


def test_an_interrupted_agent_ends_as_another(tmp_path, monkeypatch):
    whole, cut = Place(tmp_path / "whole"), Place(tmp_path / "cut")
    agent = TINY.agent(0, 1, 0)
    make(whole, agent)
    saved = Learner.save

    def once(self, *arguments):
        saved(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "save", once)
    with pytest.raises(KeyboardInterrupt):
        make(cut, agent)
    monkeypatch.setattr(Learner, "save", saved)
    make(cut, agent)
    found = read_agent(cut, agent)
    assert list(found.course) == [64, 128]
    assert found == read_agent(whole, agent)
    assert found.of_two[1] == sum(total for _, total in found.exam.values()) == TINY.exam


def test_a_small_exam_may_lack_a_kind_of_sentence(tmp_path):
    """An agent that was asked for none of two names has not learned, and no share is told."""
    place = Place(tmp_path)
    options = replace(TINY, rungs=(3,), exam=1)
    (agent,) = options.agents()
    make(place, agent)
    found = read_agent(place, agent)
    assert found.of_two == (0, 0)
    assert options.dissected(place) == []
    table = find(options, place).table
    asked = table[table["measure"] == "accuracy"]
    assert asked["support"].tolist() == [1] * len(asked)


def test_heads_are_scored_where_words_are_fewer_than_places():
    """Six names, and room for so many fillers that a block of half the sequence cannot be drawn."""
    world = NamesWorld(names=6, prefix=16, gap=8, floats=16)
    model = build_model(ModelConfig(d_model=8, n_layers=1, n_heads=1, d_mlp=8), world, seed=0)
    network = Network(model.eval().requires_grad_(False).to_transformer_lens())
    scores = scores_of(network, world, np.random.default_rng(0))
    assert scores.previous.shape == (1, 1)


def test_a_share_of_nothing_decides_no_claim(tmp_path):
    """A head that never looks at IO: its attention there has no share that could change."""
    (agent,), nothing = TINY.agents(), float("nan")
    unit = Dissected(agent=agent, sentences=12, through_mlps=True)
    nan, one = Interval(nothing, nothing, nothing), Interval(-1.0, -1.0, -1.0)
    paths = {KEYS: one, KEYS + ATTENTION: nan, KEYS + SIZE: nan}
    effects = {path: dict.fromkeys((IO, NO_NAME, OF_S1), found) for path, found in paths.items()}
    has = {kind: ["0.0"] if kind == MOVER else [] for kind in KINDS}
    place = Place(tmp_path)
    write_json(place.of(unit) / MEASURES, asdict(Measured(one, 1.0, {}, {}, has, effects)))
    measured = read_dissected(place, unit)
    judged = [claim.judge(measured) for claim in CLAIMS if claim.name.startswith("2")]
    assert [each.answer for each in judged] == ["undecidable"] * 2


def made(rung, layers, learned=True, kinds=(), answer="holds") -> Made:
    """An agent as it would be read."""
    agent = Names().agent(rung, layers, 0)
    if not learned:
        return Made(agent, Examined({}, {}, (0, 1)), None, {})
    has = {kind: ["0.0"] if kind in kinds else [] for kind in KINDS}
    measured = Measured(Interval(1.0, 1.0, 1.0), 1.0, {}, {}, has, {})
    judged = {claim.name: Judgement(answer, "") for claim in CLAIMS}
    return Made(agent, Examined({}, {}, (0, 1)), measured, judged)


@pytest.mark.parametrize(
    ("agents", "answers"),
    [
        ([made(0, 1)] * 3 + [made(2, 1, learned=False)] * 3 + [made(2, 3)] * 3,
         ("confirmed", "confirmed", "refuted", "open")),
        ([made(0, 1, learned=False)] * 3 + [made(2, 1)] * 3 + [made(2, 3)] * 3,
         ("refuted", "refuted", "refuted", "open")),
        ([made(0, 1)] * 2 + [made(0, 1, learned=False)] + [made(3, 3, kinds=[INHIBITION])] * 2
         + [made(4, 4)], ("open", "open", "confirmed", "open")),
        ([made(3, 2)] * 3 + [made(4, 2, kinds=[INDUCTION])] * 3,
         ("open", "open", "open", "confirmed")),
        ([made(3, 2, kinds=[INDUCTION])] * 3 + [made(4, 2)] * 3,
         ("open", "open", "open", "refuted")),
    ],
)  # fmt: skip
def test_verdicts_on_the_ladder(agents, answers):
    assert tuple(verdict.answer for verdict in judge(agents)[-4:]) == answers


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (["holds"] * 3, "confirmed"),
        (["fails"] * 3 + ["undecidable"], "refuted"),
        (["holds"] * 2 + ["not applicable"] * 3, "open"),
        (["holds"] * 3 + ["fails"] * 2, "open"),
    ],
)
def test_a_claim_over_agents(given, answer):
    verdicts = judge([made(3, 3, answer=each) for each in given])
    assert {verdict.answer for verdict in verdicts[: len(CLAIMS)]} == {answer}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rungs": (5,)}, "--rungs must be 0 to 4 each"),
        ({"rungs": ()}, "--rungs must be one or more, rising"),
        ({"layers": (2, 1)}, "--layers must be one or more, rising"),
        ({"layers": (0,)}, "--layers must be at least 1 each, got 0"),
        ({"width": 40}, "--width must be a multiple of 16, got 40"),
        ({"epoch_quizzes": 100}, "--epoch-quizzes must be a multiple of 64"),
        ({"max_quizzes": 5000}, r"one of --epoch-quizzes \(4096\)"),
        ({"sentences": 4}, "--sentences must be at least 12, got 4"),
        ({"target": 1.5}, r"names.target must be in \[0, 1\]"),
        ({"seeds": 0}, "names.seeds must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        Names(**options)
