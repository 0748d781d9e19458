"""The culture gallery in a real browser."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from culture_sim.report.gallery import data as gallery
from tests.helpers.browser import (
    DESK,
    PHONE,
    check_page,
    every,
    leave_detail,
    one,
    press,
    severe,
    values,
    window,
)
from tests.helpers.made_culture import AGENTS, KEPT, STRANGER
from tests.helpers.reading import (
    clear,
    counted,
    gallery_data,
    pick,
    promised,
    tokens_of,
    visit,
)


def focused(driver):
    return driver.execute_script("return document.activeElement.dataset.quiz")


def data_of(page):
    return gallery_data(page.read_text())


@pytest.mark.browser
def test_the_whole_report_fits(browser, gallery_page):
    check_page(browser, gallery_page)


@pytest.mark.browser
def test_filters_show_what_they_promise(browser, gallery_page):
    visit(browser, gallery_page)
    quizzes = data_of(gallery_page)["quizzes"]
    assert counted(browser, "gallery") == f"{KEPT} quizzes, 1 to 24 on this page"
    found = quizzes["dissenter"].count(2)
    assert pick(browser, "gallery", "dissenter", "agent 2") == found
    assert counted(browser, "gallery").startswith(f"{found} of {KEPT} quizzes")
    labels = values(browser, "#gallery-cards button", "ariaLabel")
    assert len(labels) == min(found, 24)
    assert all("dissenter agent 2" in label for label in labels)
    both = [d == 2 and r == 3 for d, r in zip(quizzes["dissenter"], quizzes["round"], strict=True)]
    assert pick(browser, "gallery", "round", "round 3") == sum(both)
    assert len(every(browser, "#gallery-cards button")) == sum(both)
    assert "round=3" in browser.current_url
    assert "dissenter=2" in browser.current_url
    clear(browser, "gallery")
    assert counted(browser, "gallery").startswith(f"{KEPT} quizzes")
    for name, text in (("explained", "two rules"), ("contested", "about"), ("novelty", "0 to")):
        clear(browser, "gallery")
        found = pick(browser, "gallery", name, text)
        assert 0 < found < KEPT
        assert counted(browser, "gallery").startswith(f"{found} of")
    clear(browser, "gallery")
    pick(browser, "gallery", "lineage", "alone")
    assert pick(browser, "gallery", "method", "mutation") == 0
    assert counted(browser, "gallery").startswith("No quiz is like that")
    assert every(browser, "#gallery-cards button") == []
    assert severe(browser) == []


@pytest.mark.browser
def test_quizzes_are_sorted(browser, gallery_page):
    visit(browser, gallery_page)
    data = data_of(gallery_page)
    Select(one(browser, "#gallery-filters [name=sort]")).select_by_visible_text("most novel")
    place = {hash_: k for k, hash_ in enumerate(data["quizzes"]["hash"])}
    shown = values(browser, "#gallery-cards button", "dataset.quiz")
    novelty = data["analysis"]["novelty_world"]
    assert [novelty[place[hash_]] for hash_ in shown] == sorted(novelty, reverse=True)[:24]


@pytest.mark.browser
def test_a_quiz_is_found_by_each_of_its_tasks(browser, gallery_page):
    visit(browser, gallery_page)
    found = data_of(gallery_page)["analysis"]["tasks"]
    both = [names for names in found if len(names) == 2]
    assert both
    for text, wanted in (("frame", "frame"), ("grow", "grow"), ("no task", None)):
        fits = [wanted in names if wanted else not names for names in found]
        assert pick(browser, "gallery", "task", text) == sum(fits)
        assert counted(browser, "gallery").startswith(f"{sum(fits)} of {KEPT} quizzes")
    assert browser.current_url.endswith("#gallery?task=")
    assert promised(browser, "gallery", "explained", "no rule") == sum(fits)
    address = browser.current_url
    browser.get("about:blank")
    browser.get(address)
    assert counted(browser, "gallery").startswith(f"{sum(fits)} of {KEPT} quizzes")
    pick(browser, "gallery", "task", "grow")
    assert promised(browser, "gallery", "task", "frame") == sum("frame" in names for names in found)
    assert severe(browser) == []


@pytest.mark.browser
def test_the_address_brings_everything_back(browser, gallery_page):
    visit(browser, gallery_page)
    pick(browser, "gallery", "method", "hot then cold")
    Select(one(browser, "#gallery-filters [name=sort]")).select_by_visible_text("most wrong cells")
    one(browser, "#gallery-pages button:last-child").click()
    shown = values(browser, "#gallery-cards button", "dataset.quiz")
    address, count = browser.current_url, counted(browser, "gallery")
    browser.get("about:blank")
    browser.get(address)
    again = values(browser, "#gallery-cards button", "dataset.quiz")
    assert again == shown
    assert counted(browser, "gallery") == count
    visit(browser, gallery_page, "#gallery?round=99&sort=constructor&page=77&quiz=nothing")
    assert one(browser, "#gallery-pages span").text == "Page 3 of 3"
    assert severe(browser) == []


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_nothing_is_wider_than_the_window(browser, gallery_page, size):
    with window(browser, *size):
        visit(browser, gallery_page)
        width = "return document.documentElement.scrollWidth"
        assert browser.execute_script(width) <= size[0]
        assert one(browser, "#gallery-filters").is_displayed() == (size == DESK)
        one(browser, "#gallery-cards button").send_keys(Keys.ENTER)
        wide = "const d = document.getElementById('gallery-detail');"
        assert browser.execute_script(f"{wide} return d.scrollWidth - d.clientWidth") == 0
        assert browser.execute_script(width) <= size[0]


@pytest.mark.browser
def test_without_scripts_the_first_cards_are_there(browser, gallery_page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        visit(browser, gallery_page)
        assert "runs no scripts" in one(browser, "#gallery noscript").text
        cards = every(browser, "#gallery-cards > li")
        assert len(cards) == gallery.FIRST
        assert f"proposed by agent {0}"[:18] in cards[0].text
        assert not one(browser, "#gallery-filters").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.browser
def test_a_card_opens_by_keyboard_with_wrong_cells_crossed(browser, gallery_page):
    visit(browser, gallery_page)
    data = data_of(gallery_page)
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
    start = data["drawing"]["pieces"][data["orders"][direction][-1]]["start"]
    right = words[tokens_of(data["quizzes"]["tokens"][row])[start]]
    given = words[tokens_of(data["quizzes"]["answers"][row][f"{row % AGENTS},{direction}"])[0]]
    assert f"row 1, column 1: {given} instead of {right}" in label
    assert "1 of 60" in one(browser, "#gallery-heard").get_attribute("textContent")
    figures = one(browser, "#gallery-quiz dl").text
    novelty = data["analysis"]["novelty_world"][row]
    assert f"{novelty} cells from the nearest quiz of the world" in figures
    assert severe(browser) == []


OTHER_ANSWERS = [
    (0, "over a million times as likely as this one, on average over agents. 2 agents give"),
    (0, "A rule of the world that explains the example gives another: the quiz is under-spec"),
    (0, "1 object and 10 changed cells"),
    (1, "No other was found."),
    (2, "less than a thousandth as likely as this one, on average over agents. No agent gives"),
    (3, "is 0.3 times as likely as this one, on average over agents. No two agents give the"),
    (4, "is 12 times as likely as this one, on average over agents. 3 agents give the same"),
]
"""By quiz, what is said of the answers that agents would give beside the right one."""


@pytest.mark.browser
def test_other_answers_are_told_in_words(browser, gallery_page):
    data = data_of(gallery_page)
    hashes, analysis = data["quizzes"]["hash"], data["analysis"]
    for row in sorted({row for row, _ in OTHER_ANSWERS}):
        visit(browser, gallery_page, f"#gallery?quiz={hashes[row]}")
        figures = one(browser, "#gallery-quiz dl").text
        for said in (text for of, text in OTHER_ANSWERS if of == row):
            assert said in figures
        assert ("under-specified" in figures) == analysis["other_by_rule"][row]
    visit(browser, gallery_page, "#gallery?sort=oldest")
    for hash_, contested in zip(hashes[:24], analysis["contested"], strict=False):
        card = one(browser, f"#gallery-cards [data-quiz='{hash_}']")
        assert ("another answer about as likely" in card.text) == contested


@pytest.mark.browser
def test_a_card_shows_what_its_dissenter_answers(browser, gallery_page):
    visit(browser, gallery_page, "#gallery?sort=oldest")
    quizzes = data_of(gallery_page)["quizzes"]
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
def test_arrows_turn_escape_closes_and_focus_returns(browser, gallery_page):
    visit(browser, gallery_page)
    newest = data_of(gallery_page)["quizzes"]["hash"][::-1]
    one(browser, "#gallery-cards button").send_keys(Keys.ARROW_RIGHT)
    assert focused(browser) == newest[1]
    press(browser, Keys.ENTER)
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert newest[2][:8] in one(browser, "#gallery-detail-title").text
    assert f"quiz={newest[2]}" in browser.current_url
    leave_detail(browser)
    # Over the end of the page: from its last card to the ninth of the next one.
    last = "[...document.querySelectorAll('#gallery-cards button')].at(-1).focus()"
    browser.execute_script(last)
    press(browser, Keys.ENTER, *[Keys.ARROW_RIGHT] * 9)
    leave_detail(browser)
    assert not one(browser, "#gallery-detail").is_displayed()
    assert focused(browser) == newest[32]
    assert one(browser, "#gallery-pages span").text == "Page 2 of 3"
    assert "quiz=" not in browser.current_url
    one(browser, "#gallery-pages button:last-child").click()
    assert focused(browser) == newest[48]
    assert severe(browser) == []


@pytest.mark.browser
def test_parents_and_children_lead_to_each_other(browser, gallery_page):
    visit(browser, gallery_page)
    data = data_of(gallery_page)
    quizzes = data["quizzes"]
    child, parent = next(
        (k, quizzes["hash"].index(pair[0]))
        for k, pair in enumerate(quizzes["parents"])
        if pair and pair[0] in quizzes["hash"]
    )
    visit(browser, gallery_page, f"#gallery?quiz={quizzes['hash'][child]}")
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
    visit(browser, gallery_page, f"#gallery?quiz={quizzes['hash'][rejected]}")
    assert f"{hash_[:8]}, round" in one(browser, ".kin").text
    assert "not kept (too easy: 5 solvers)" in one(browser, ".kin").text
    assert severe(browser) == []


@pytest.mark.browser
def test_parents_from_the_world_are_drawn_and_said(browser, gallery_page):
    visit(browser, gallery_page)
    data = data_of(gallery_page)
    quizzes, drawing = data["quizzes"], data["drawing"]
    child, name = next(
        (k, pair[0]) for k, pair in enumerate(quizzes["parents"]) if {*pair} & {*data["fromWorld"]}
    )
    visit(browser, gallery_page, f"#gallery?quiz={quizzes['hash'][child]}")
    found = data["fromWorld"][name]
    shown = one(browser, ".kin .ancestor")
    task = found["task"].replace("_", " ")
    assert f"{name[:8]}, a quiz of the world: {task}" in shown.text
    differ = (tokens_of(quizzes["tokens"][child]) != tokens_of(found["tokens"])).sum()
    assert f"gave A and f(A); {differ} cells changed" in shown.text
    picture = shown.find_element("css selector", "svg")
    label = picture.get_attribute("aria-label")
    assert re.findall(r"(?:^|\. )([^,]+), row 1:", label) == [
        piece["name"] for piece in drawing["pieces"]
    ]
    assert label.count("row 6:") == len(drawing["pieces"])
    assert len(picture.find_elements("css selector", "g")) == len(drawing["pieces"])
    assert severe(browser) == []
