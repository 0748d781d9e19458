"""The culture gallery: what is gathered for it, and the page in a real browser."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from culture_sim.analysis.command import TABLE
from culture_sim.records import quizzes_of
from culture_sim.report import gallery, gallery_parents, page_data, write_report
from culture_sim.store import CultureStore
from tests.browser import check_page
from tests.report.made_culture import (
    AGENTS,
    STRANGER,
    make_analysis,
    make_answers,
    make_run,
)
from world import UNKNOWN_TASK, QuizBatch
from world.errors import UserError
from world.explanation import Kind
from world.task import tasks
from world.worlds.grids import GridsWorld

ROUNDS, SIZE = 3, 20
KEPT = ROUNDS * SIZE
PHONE, DESK = (375, 800), (1280, 900)


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "answers_now", make_answers)
    return make_run(tmp_path / "made", ROUNDS, SIZE)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report with everything in it: kept quizzes of three rounds, all analysed."""
    return made_page(tmp_path_factory.mktemp("runs") / "whole", ROUNDS, SIZE)


@pytest.fixture(scope="module")
def large_page(tmp_path_factory):
    return made_page(tmp_path_factory.mktemp("runs") / "large", 5, 1000)


def made_page(path, rounds, size):
    run = make_run(path, rounds, size)
    make_analysis(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery, "answers_now", make_answers)
        return write_report(run)


def kept_of(run):
    return gallery.kept_table(CultureStore(run.path / "culture"))


def embedded(text):
    """What the page's script reads, None where there is no script."""
    names = {"gallery-data": "data", "drawing": "drawing"}
    found = {
        name: re.search(rf'<script type="application/json" id="{id_}">(.*?)</script>', text)
        for id_, name in names.items()
    }
    if not found["data"]:
        return None
    return {**json.loads(found["data"][1]), "drawing": json.loads(found["drawing"][1])}


def values(text):
    return np.array([ord(each) - page_data.BASE for each in text])


# What is gathered.


def test_every_kept_quiz_is_there_as_it_is_stored(made):
    kept, data = kept_of(made), embedded(write_report(made).read_text())
    assert len(kept) == KEPT
    for name in ("hash", "round", "proposer", "dissenter"):
        assert data["quizzes"][name] == kept[name].to_pylist()
    tokens = np.stack([values(text) for text in data["quizzes"]["tokens"]])
    assert np.array_equal(tokens, quizzes_of(kept).tokens)
    named = [data["procedures"][k] for k in data["quizzes"]["procedure"]]
    assert named == kept["procedure"].to_pylist()
    for marks, dissenter in zip(
        data["quizzes"]["votes"], kept["dissenter"].to_pylist(), strict=True
    ):
        pairs = [marks[2 * agent : 2 * agent + 2] for agent in range(AGENTS)]
        assert [pair != "11" for pair in pairs] == [agent == dissenter for agent in range(AGENTS)]


def test_answers_are_wrong_exactly_where_they_differ(made):
    data = embedded(write_report(made).read_text())
    drawing = data["drawing"]
    cells = drawing["height"] * drawing["width"]
    for row, (text, answers) in enumerate(
        zip(data["quizzes"]["tokens"], data["quizzes"]["answers"], strict=True)
    ):
        agent, direction = row % AGENTS, row % 2
        assert list(answers) == [f"{agent},{direction}"]
        start = drawing["starts"][data["orders"][direction][-1]]
        wrong = values(answers[f"{agent},{direction}"]) != values(text[start : start + cells])
        assert np.flatnonzero(wrong).tolist() == list(range(row % 7 + 1))


def test_parents_that_were_not_kept_are_named(made):
    data = embedded(write_report(made).read_text())
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
    data = embedded(write_report(made).read_text())
    world, quizzes, found = made.config.world, data["quizzes"], data["fromWorld"]
    assert found
    assert f"{STRANGER:016x}" not in found
    for tokens, parents in zip(quizzes["tokens"], quizzes["parents"], strict=True):
        for parent in set(parents) & set(found):
            assert tokens[: len(tokens) // 2] == found[parent]["tokens"][: len(tokens) // 2]
    for hash_, parent in found.items():
        tokens = values(parent["tokens"]).astype(np.uint8)[None]
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
    assert embedded(page)["analysis"] is None
    assert "culture-sim analyze --run made" in page


def test_an_analysis_of_other_quizzes_is_left_out(made, tmp_path):
    path = make_run(tmp_path / "more", ROUNDS + 1, SIZE + 5).path
    make_analysis(gallery.Run.open(path))
    (path / "culture" / TABLE).rename(made.path / "culture" / TABLE)
    page = write_report(made).read_text()
    assert embedded(page)["analysis"] is None
    assert "culture-sim analyze --run made" in page


def test_an_analysis_of_some_quizzes_says_so(made):
    table = make_analysis(made, share=0.5)
    page = write_report(made).read_text()
    analysis = embedded(page)["analysis"]
    assert analysis["explained"] == [*table["explained"].to_pylist(), *[None] * (KEPT // 2)]
    assert analysis["rival_ratio"][0] == gallery.MOST_LIKELY  # infinite, which JSON cannot say
    assert set(analysis) == {*gallery.ANALYSED, "objects", "changed"}
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
    assert embedded(page) is None


def test_a_rule_without_a_single_dissenter(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "answers_now", make_answers)
    run = make_run(tmp_path / "two", 1, SIZE, rule=("all_but_k", {"k": 2}), failing=2)
    page = write_report(run).read_text()
    data = embedded(page)
    assert data["quizzes"]["dissenter"] == [-1] * SIZE
    assert all(marks.count("0") == 2 for marks in data["quizzes"]["votes"])
    assert ", dissenter agent" not in page


def test_an_agent_that_was_not_asked_has_no_vote(made):
    votes = gallery.votes_of(kept_of(made))
    votes.voted[:, 1] = False
    assert {marks[2:4] for marks in gallery.vote_marks(votes)} == {"--"}
    wrong = np.delete(votes.wrong_cells, 1, axis=1)
    assert np.allclose(gallery.mean_wrong(votes), wrong.mean(axis=(1, 2)))


def test_agents_without_weights_answer_nothing(tmp_path):
    data = embedded(write_report(make_run(tmp_path / "bare", 1, 5)).read_text())
    assert [agent["known"] for agent in data["agents"]] == [False] * AGENTS
    assert data["quizzes"]["answers"] == [{}] * 5


def test_nothing_embedded_can_end_the_script():
    text = page_data.embed({"name": "</script><script>"})
    assert "<" not in text
    assert json.loads(text) == {"name": "</script><script>"}


def test_a_world_that_only_draws_itself_has_cards_without_a_script(made, monkeypatch):
    given = make_answers(made, quizzes_of(kept_of(made)))
    monkeypatch.setattr(gallery, "answers_now", lambda run, batch: given)
    monkeypatch.setattr(GridsWorld, "drawing", lambda self: None)
    page = write_report(made).read_text()
    assert "<script" not in page
    assert page.count("proposed by agent") == gallery.FIRST
    assert page.count("what agent") > 0


def test_rounds_are_compared(made):
    make_analysis(made)
    page = write_report(made).read_text()
    assert page.count('aria-label="near-duplicates, round 1 to 3"') == 1
    assert page.count('class="stack"') == ROUNDS
    for kind in Kind:
        assert f"</i>{kind.value}</th>" in page


# The page in a browser.


@contextmanager
def window(driver, width, height):
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    yield
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def visit(driver, page, hash_=""):
    driver.get("about:blank")
    driver.get(page.as_uri() + hash_)


def every(driver, selector):
    return driver.find_elements("css selector", selector)


def one(driver, selector):
    return driver.find_element("css selector", selector)


def press(driver, *keys):
    ActionChains(driver).send_keys(*keys).perform()


def focused(driver):
    return driver.execute_script("return document.activeElement.dataset.quiz")


def severe(driver):
    return [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def data_of(driver):
    data, drawing = (
        json.loads(one(driver, id_).get_attribute("textContent"))
        for id_ in ("#gallery-data", "#drawing")
    )
    return {**data, "drawing": drawing}


def option_of(driver, name, text):
    """The option of a filter that begins with a text."""
    select = Select(one(driver, f"#gallery-filters [name={name}]"))
    return next(each for each in select.options if each.text.startswith(text))


def promised(driver, name, text):
    """How many quizzes an option says that it would leave."""
    option = option_of(driver, name, text)
    return int(re.search(r"\(([\d,]+)\)$", option.text)[1].replace(",", ""))


def pick(driver, name, text):
    """Choose the option of a filter that begins with a text; returns the number it promised."""
    number = promised(driver, name, text)
    option_of(driver, name, text).click()
    return number


@pytest.mark.browser
def test_the_whole_report_fits(browser, page):
    check_page(browser, page)


@pytest.mark.browser
def test_filters_show_what_they_promise(browser, page):
    visit(browser, page)
    quizzes = data_of(browser)["quizzes"]
    assert one(browser, "#gallery-count").text == f"{KEPT} quizzes, 1 to 24 on this page"
    found = quizzes["dissenter"].count(2)
    assert pick(browser, "dissenter", "agent 2") == found
    assert one(browser, "#gallery-count").text.startswith(f"{found} of {KEPT} quizzes")
    labels = [each.get_attribute("aria-label") for each in every(browser, "#gallery-cards button")]
    assert len(labels) == min(found, 24)
    assert all("dissenter agent 2" in label for label in labels)
    both = [d == 2 and r == 3 for d, r in zip(quizzes["dissenter"], quizzes["round"], strict=True)]
    assert pick(browser, "round", "round 3") == sum(both)
    assert len(every(browser, "#gallery-cards button")) == sum(both)
    assert "round=3" in browser.current_url
    assert "dissenter=2" in browser.current_url
    one(browser, "#gallery-filters [name=clear]").click()
    assert one(browser, "#gallery-count").text.startswith(f"{KEPT} quizzes")
    for name, text in (("explained", "two rules"), ("ambiguous", "ambiguous"), ("novelty", "0 to")):
        visit(browser, page)
        found = pick(browser, name, text)
        assert 0 < found < KEPT
        assert one(browser, "#gallery-count").text.startswith(f"{found} of")
    assert severe(browser) == []


@pytest.mark.browser
def test_a_choice_that_fits_nothing_says_so(browser, page):
    visit(browser, page)
    pick(browser, "lineage", "alone")
    assert pick(browser, "procedure", "mutation") == 0
    assert one(browser, "#gallery-count").text.startswith("No quiz is like that")
    assert every(browser, "#gallery-cards button") == []


@pytest.mark.browser
def test_quizzes_are_sorted(browser, page):
    visit(browser, page)
    data = data_of(browser)
    Select(one(browser, "#gallery-filters [name=sort]")).select_by_visible_text("most novel")
    place = {hash_: k for k, hash_ in enumerate(data["quizzes"]["hash"])}
    shown = [each.get_attribute("data-quiz") for each in every(browser, "#gallery-cards button")]
    novelty = data["analysis"]["novelty_world"]
    assert [novelty[place[hash_]] for hash_ in shown] == sorted(novelty, reverse=True)[:24]


@pytest.mark.browser
def test_a_card_opens_by_keyboard_with_wrong_cells_crossed(browser, page):
    visit(browser, page)
    data = data_of(browser)
    row = KEPT - 1  # the newest comes first
    one(browser, "#gallery-cards button").send_keys(Keys.ENTER)
    assert one(browser, "#gallery-detail").is_displayed()
    assert every(browser, "#gallery-quiz .answers li.right .cross") == []
    assert len(every(browser, "#gallery-quiz .answers li")) == 2 * (1 + AGENTS)
    wrong = one(browser, "#gallery-quiz .answers li.wrong")
    assert f"agent {row % AGENTS}" in wrong.text
    cells = row % 7 + 1
    assert f"{cells} cell" in wrong.text
    svg = wrong.find_element("css selector", "svg")
    crosses = svg.find_element("css selector", ".cross").get_attribute("d")
    assert crosses.count("M") == cells
    label = svg.get_attribute("aria-label")
    assert label.count("instead of") == cells
    words = data["drawing"]["words"]
    direction = row % 2
    start = data["drawing"]["starts"][data["orders"][direction][-1]]
    right = words[values(data["quizzes"]["tokens"][row])[start]]
    given = words[values(data["quizzes"]["answers"][row][f"{row % AGENTS},{direction}"])[0]]
    assert f"row 1, column 1: {given} instead of {right}" in label
    assert "1 of 60" in one(browser, "#gallery-heard").get_attribute("textContent")
    figures = one(browser, "#gallery-quiz dl").text
    novelty = data["analysis"]["novelty_world"][row]
    assert f"{novelty} cells from the nearest quiz of the world" in figures
    assert severe(browser) == []


@pytest.mark.browser
def test_a_card_shows_what_its_dissenter_answers(browser, page):
    visit(browser, page, "#gallery?sort=oldest")
    quizzes = data_of(browser)["quizzes"]
    for card, row in zip(every(browser, "#gallery-cards button"), range(24), strict=True):
        dissenter = quizzes["dissenter"][row]
        crosses = card.find_elements("css selector", "svg .cross")
        if dissenter == row % AGENTS:  # the one that answers wrong
            assert f"{dissenter}\u2019s {('f(B)', 'B')[row % 2]}" in card.text
            assert crosses[0].get_attribute("d").count("M") == row % 7 + 1
        else:
            assert f"{dissenter} solves it" in card.text
            assert crosses == []


@pytest.mark.browser
def test_arrows_turn_escape_closes_and_focus_returns(browser, page):
    visit(browser, page)
    newest = data_of(browser)["quizzes"]["hash"][::-1]
    one(browser, "#gallery-cards button").send_keys(Keys.ARROW_RIGHT)
    assert focused(browser) == newest[1]
    press(browser, Keys.ENTER)
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert newest[2][:8] in one(browser, "#gallery-detail-title").text
    assert f"quiz={newest[2]}" in browser.current_url
    press(browser, *[Keys.ARROW_RIGHT] * 30)
    press(browser, Keys.ESCAPE)
    assert not one(browser, "#gallery-detail").is_displayed()
    assert focused(browser) == newest[32]
    assert one(browser, "#gallery-pages span").text == "Page 2 of 3"
    assert "quiz=" not in browser.current_url
    one(browser, "#gallery-pages button:last-child").click()
    assert focused(browser) == newest[48]
    assert severe(browser) == []


@pytest.mark.browser
def test_parents_and_children_lead_to_each_other(browser, page):
    visit(browser, page)
    data = data_of(browser)
    quizzes = data["quizzes"]
    child, parent = next(
        (k, quizzes["hash"].index(pair[0]))
        for k, pair in enumerate(quizzes["parents"])
        if pair and pair[0] in quizzes["hash"]
    )
    visit(browser, page, f"#gallery?quiz={quizzes['hash'][child]}")
    assert quizzes["hash"][child][:8] in one(browser, "#gallery-detail-title").text
    assert f"{STRANGER:x}"[:8] + ", a quiz of the world that cannot" in one(browser, ".kin").text
    one(browser, f".kin [data-quiz='{quizzes['hash'][parent]}']").send_keys(Keys.ENTER)
    assert quizzes["hash"][parent][:8] in one(browser, "#gallery-detail-title").text
    one(browser, f".kin [data-quiz='{quizzes['hash'][child]}']").send_keys(Keys.ENTER)
    assert quizzes["hash"][child][:8] in one(browser, "#gallery-detail-title").text
    rejected, hash_ = next(
        (k, pair[0])
        for k, pair in enumerate(quizzes["parents"])
        if pair and pair[0] in data["rejected"]
    )
    visit(browser, page, f"#gallery?quiz={quizzes['hash'][rejected]}")
    assert f"{hash_[:8]}, round" in one(browser, ".kin").text
    assert "not kept (too easy: 5 solvers)" in one(browser, ".kin").text
    assert severe(browser) == []


@pytest.mark.browser
def test_parents_from_the_world_are_drawn_and_said(browser, page):
    visit(browser, page)
    data = data_of(browser)
    quizzes, drawing = data["quizzes"], data["drawing"]
    child, name = next(
        (k, pair[0]) for k, pair in enumerate(quizzes["parents"]) if {*pair} & {*data["fromWorld"]}
    )
    visit(browser, page, f"#gallery?quiz={quizzes['hash'][child]}")
    found = data["fromWorld"][name]
    shown = one(browser, ".kin .ancestor")
    task = found["task"].replace("_", " ")
    assert f"{name[:8]}, a quiz of the world: {task}" in shown.text
    differ = (values(quizzes["tokens"][child]) != values(found["tokens"])).sum()
    assert f"gave A and f(A); {differ} cells changed" in shown.text
    picture = shown.find_element("css selector", "svg")
    label = picture.get_attribute("aria-label")
    assert re.findall(r"(?:^|\. )([^,]+), row 1:", label) == drawing["parts"]
    assert label.count("row 6:") == len(drawing["parts"])
    assert len(picture.find_elements("css selector", "g")) == len(drawing["parts"])
    assert severe(browser) == []


@pytest.mark.browser
def test_a_quiz_is_found_by_each_of_its_tasks(browser, page):
    visit(browser, page)
    found = data_of(browser)["analysis"]["tasks"]
    both = [names for names in found if len(names) == 2]
    assert both
    for text, wanted in (("frame", "frame"), ("grow", "grow"), ("no task", None)):
        fits = [wanted in names if wanted else not names for names in found]
        assert pick(browser, "task", text) == sum(fits)
        assert one(browser, "#gallery-count").text.startswith(f"{sum(fits)} of {KEPT} quizzes")
    assert browser.current_url.endswith("#gallery?task=")
    assert promised(browser, "explained", "no rule") == sum(fits)
    address = browser.current_url
    browser.get("about:blank")
    browser.get(address)
    assert one(browser, "#gallery-count").text.startswith(f"{sum(fits)} of {KEPT} quizzes")
    pick(browser, "task", "grow")
    assert promised(browser, "task", "frame") == sum("frame" in names for names in found)
    assert severe(browser) == []


@pytest.mark.browser
def test_the_address_brings_everything_back(browser, page):
    visit(browser, page)
    pick(browser, "procedure", "hot then cold")
    Select(one(browser, "#gallery-filters [name=sort]")).select_by_visible_text("most wrong cells")
    one(browser, "#gallery-pages button:last-child").click()
    shown = [each.get_attribute("data-quiz") for each in every(browser, "#gallery-cards button")]
    address, count = browser.current_url, one(browser, "#gallery-count").text
    browser.get("about:blank")
    browser.get(address)
    again = [each.get_attribute("data-quiz") for each in every(browser, "#gallery-cards button")]
    assert again == shown
    assert one(browser, "#gallery-count").text == count
    visit(browser, page, "#gallery?round=99&sort=none&page=77&quiz=nothing")
    assert one(browser, "#gallery-pages span").text == "Page 3 of 3"
    assert severe(browser) == []


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_nothing_is_wider_than_the_window(browser, page, size):
    with window(browser, *size):
        visit(browser, page)
        width = "return document.documentElement.scrollWidth"
        assert browser.execute_script(width) <= size[0]
        assert one(browser, "#gallery-filters").is_displayed() == (size == DESK)
        one(browser, "#gallery-cards button").send_keys(Keys.ENTER)
        wide = "const d = document.getElementById('gallery-detail');"
        assert browser.execute_script(f"{wide} return d.scrollWidth - d.clientWidth") == 0
        assert browser.execute_script(width) <= size[0]


@pytest.mark.browser
def test_without_scripts_the_first_cards_are_there(browser, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visit(browser, page)
        assert "runs no scripts" in one(browser, "#gallery noscript").text
        cards = every(browser, "#gallery-cards > li")
        assert len(cards) == gallery.FIRST
        assert f"proposed by agent {0}"[:18] in cards[0].text
        assert not one(browser, "#gallery-filters").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.browser
def test_five_thousand_quizzes_are_filtered(browser, large_page):
    visit(browser, large_page)
    assert one(browser, "#gallery-count").text == "5,000 quizzes, 1 to 24 on this page"
    assert len(every(browser, "#gallery-cards button")) == 24
    assert pick(browser, "round", "round 4") == 1000
    found = pick(browser, "dissenter", "agent 1")
    assert one(browser, "#gallery-count").text.startswith(f"{found} of 5,000 quizzes")
    assert all("round 4" in each.text for each in every(browser, "#gallery-cards button"))
    assert severe(browser) == []
