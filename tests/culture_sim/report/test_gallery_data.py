"""What is gathered for the gallery of culture."""

from __future__ import annotations

import json

import numpy as np
import pytest

from culture_sim.culture.analysis.table import TABLE
from culture_sim.culture.records import quizzes_of
from culture_sim.culture.rules.all_but_k import AllButK
from culture_sim.culture.store import CultureStore, write_table
from culture_sim.report import write_report
from culture_sim.report.gallery import data as gallery
from culture_sim.report.gallery import parents as gallery_parents
from culture_sim.report.shared import blobs as page_data
from tests.helpers.made_culture import (
    AGENTS,
    KEPT,
    ROUNDS,
    SIZE,
    STRANGER,
    make_analysis,
    make_answers,
    make_run,
)
from tests.helpers.reading import gallery_data, tokens_of
from world import UNKNOWN_TASK, QuizBatch
from world.core.errors import UserError
from world.core.rules import ExplainedBy
from world.grids.painting.task import tasks
from world.grids.world import GridsWorld


def kept_of(run):
    return gallery.kept_table(CultureStore(run.path / "culture"))


def test_every_kept_quiz_is_there_as_it_is_stored(made):
    kept, data = kept_of(made), gallery_data(write_report(made).read_text())
    assert len(kept) == KEPT
    for name in ("hash", "round", "proposer", "dissenter"):
        assert data["quizzes"][name] == kept[name].to_pylist()
    tokens = np.stack([tokens_of(text) for text in data["quizzes"]["tokens"]])
    assert np.array_equal(tokens, quizzes_of(kept).tokens)
    named = [data["methods"][k] for k in data["quizzes"]["method"]]
    assert named == kept["method"].to_pylist()
    for marks, dissenter in zip(
        data["quizzes"]["votes"], kept["dissenter"].to_pylist(), strict=True
    ):
        pairs = [marks[2 * agent : 2 * agent + 2] for agent in range(AGENTS)]
        assert [pair != "11" for pair in pairs] == [agent == dissenter for agent in range(AGENTS)]


def test_answers_are_wrong_exactly_where_they_differ(made):
    data = gallery_data(write_report(made).read_text())
    for row, (text, answers) in enumerate(
        zip(data["quizzes"]["tokens"], data["quizzes"]["answers"], strict=True)
    ):
        agent, direction = row % AGENTS, row % 2
        assert list(answers) == [f"{agent},{direction}"]
        piece = data["drawing"]["pieces"][data["orders"][direction][-1]]
        stored = text[piece["start"] :][: piece["rows"] * piece["columns"]]
        wrong = tokens_of(answers[f"{agent},{direction}"]) != tokens_of(stored)
        assert np.flatnonzero(wrong).tolist() == list(range(row % 7 + 1))


def test_parents_that_were_not_kept_are_named(made):
    data = gallery_data(write_report(made).read_text())
    quizzes, stranger = data["quizzes"], f"{STRANGER:016x}"
    parents = {hash_ for pair in quizzes["parents"] for hash_ in pair}
    assert parents & set(quizzes["hash"])
    assert stranger in parents
    known = {*quizzes["hash"], *data["fromWorld"], stranger}
    assert set(data["rejected"]) == parents - known
    for found in data["rejected"].values():
        assert found["reason"] == "too easy: 5 solvers"
        assert len(found["tokens"]) == len(quizzes["tokens"][0])


def test_parents_from_the_world_are_drawn_again(made):
    """The example of their child is theirs, and their task accepts them."""
    data = gallery_data(write_report(made).read_text())
    world, quizzes, found = made.config.world, data["quizzes"], data["fromWorld"]
    assert found
    assert f"{STRANGER:016x}" not in found
    for tokens, parents in zip(quizzes["tokens"], quizzes["parents"], strict=True):
        for parent in set(parents) & set(found):
            assert tokens[: len(tokens) // 2] == found[parent]["tokens"][: len(tokens) // 2]
    for hash_, parent in found.items():
        tokens = tokens_of(parent["tokens"]).astype(np.uint8)[None]
        quiz = QuizBatch(tokens, np.zeros(1, np.uint8), np.full(1, UNKNOWN_TASK, np.int16))
        assert f"{int(world.canonical_hash(quiz)[0]):016x}" == hash_
        assert tasks[parent["task"]]().verify(*world.grids(quiz)[0])


def test_without_parents_no_quiz_of_the_world_is_drawn(made, monkeypatch):
    store, kept = CultureStore(made.path / "culture"), kept_of(made)
    alone = kept.filter([not any(pair) for pair in kept["parents"].to_pylist()])
    monkeypatch.setattr(GridsWorld, "draw", None)
    assert gallery_parents.world_parents(made, store, alone) == {}


def test_without_an_analysis_its_command_is_named(made):
    page = write_report(made).read_text()
    assert gallery_data(page)["analysis"] is None
    assert "culture-sim analyze --run made</code> and then" in page


def test_an_analysis_of_other_quizzes_is_left_out(made, tmp_path):
    path = make_run(tmp_path / "more", ROUNDS + 1, SIZE + 5).path
    make_analysis(gallery.Run.open(path))
    (path / "culture" / TABLE).rename(made.path / "culture" / TABLE)
    page = write_report(made).read_text()
    assert gallery_data(page)["analysis"] is None
    assert "culture-sim analyze --run made" in page


def test_an_analysis_of_an_older_version_is_left_out(made):
    table = make_analysis(made)
    path = made.path / "culture" / TABLE
    write_table(path, table.drop_columns(["contested", "same_rival"]))
    page = write_report(made).read_text()
    assert gallery_data(page)["analysis"] is None
    assert "culture-sim analyze --run made</code> again" in page


def test_an_analysis_of_some_quizzes_says_so(made):
    table = make_analysis(made, share=0.5)
    page = write_report(made).read_text()
    analysis = gallery_data(page)["analysis"]
    assert analysis["explained"] == [*table["explained"].to_pylist(), *[None] * (KEPT // 2)]
    assert analysis["rival_ratio"][0] == gallery.MOST_LIKELY  # infinite, which JSON cannot say
    assert set(analysis) == {*gallery.ANALYSED, "objects", "changed_cells"}
    assert f"{KEPT // 2} of them have been analysed" in page
    assert f"analyze --run made --most {SIZE}" in page


def test_a_damaged_analysis_is_named(made):
    path = made.path / "culture" / TABLE
    path.write_bytes(b"PAR1 no table")
    with pytest.raises(UserError, match=rf"{TABLE} is damaged .*; make it again with"):
        write_report(made)


def test_a_round_that_kept_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "answers_now", make_answers)
    page = write_report(make_run(tmp_path / "none", 1, 0)).read_text()
    assert "None was kept." in page
    assert gallery_data(page) is None


def test_a_rule_without_a_single_dissenter(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "answers_now", make_answers)
    run = make_run(tmp_path / "two", 1, SIZE, rule=AllButK(2), failing=2)
    page = write_report(run).read_text()
    data = gallery_data(page)
    assert data["quizzes"]["dissenter"] == [-1] * SIZE
    assert all(marks.count("0") == 2 for marks in data["quizzes"]["votes"])
    assert ", dissenter agent" not in page


def test_an_agent_that_was_not_asked_has_no_vote(made):
    votes = gallery.votes_of(kept_of(made))
    votes.voted[:, 1] = False
    assert {marks[2:4] for marks in gallery.vote_marks(votes)} == {"--"}
    wrong = np.delete(votes.wrong_tokens, 1, axis=1)
    assert np.allclose(gallery.mean_wrong(votes), wrong.mean(axis=(1, 2)))


def test_agents_without_weights_answer_nothing(tmp_path):
    data = gallery_data(write_report(make_run(tmp_path / "bare", 1, 5)).read_text())
    assert [agent["known"] for agent in data["agents"]] == [False] * AGENTS
    assert data["quizzes"]["answers"] == [{}] * 5


def test_nothing_embedded_can_end_the_script():
    text = page_data.embed({"name": "</script><script>"})
    assert "<" not in text
    assert json.loads(text) == {"name": "</script><script>"}


def test_rounds_are_compared(made):
    make_analysis(made)
    page = write_report(made).read_text()
    assert page.count('aria-label="near-duplicates, round 1 to 3"') == 1
    assert page.count('class="stack"') == ROUNDS
    for kind in ExplainedBy:
        assert f"</i>{kind.value}</th>" in page
