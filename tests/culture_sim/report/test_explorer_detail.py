"""The explorer's dialog in a real browser, and the parts and addresses that lead to it."""

from __future__ import annotations

import shutil

import pytest
from selenium.webdriver.common.keys import Keys

from sae.comparison.examples import QUIZZES
from tests.helpers.browser import (
    DESK,
    PHONE,
    every,
    leave_detail,
    one,
    press,
    severe,
    until,
    values,
    window,
)
from tests.helpers.exploring import (
    LATER,
    choose,
    counted,
    details,
    entries,
    visit,
)
from tests.helpers.made_features import AGENTS


@pytest.mark.browser
def test_a_family_opens_by_keyboard_agent_beside_agent(browser, explored):
    visit(browser, explored)
    one(browser, "#explorer-rows button").send_keys(Keys.ARROW_DOWN)
    press(browser, Keys.ENTER)
    shown = details(browser)
    assert "open=family+4" in browser.current_url
    quizzes = every(browser, "#explorer-feature .beside")
    assert len(quizzes) == QUIZZES
    for quiz in quizzes:
        pictures = quiz.find_elements("css selector", "svg.quiz")
        assert len(pictures) == AGENTS
        assert all(svg.find_elements("css selector", "circle") for svg in pictures)
    # Its name is of cell 4, which is in the first row of six.
    label = quizzes[0].find_element("css selector", "svg").get_attribute("aria-label")
    assert "f(B) row 1, column 5, 100 %" in label
    cards = every(browser, "#explorer-feature .agents > li")
    assert len(cards) == AGENTS
    for kind in (".concepts li", ".bars", ".logits .swatch", ".matches li"):
        assert cards[0].find_elements("css selector", kind)
    assert "null" in cards[0].text
    # Feature 8 is among those that fire on no quiz of the world.
    assert (
        "fires on 3.0 % of tokens of agents\u2019 quizzes, none of the world\u2019s (q < 0.001)"
        in (cards[0].text)
    )
    assert "For contrast" not in shown.text
    assert "family 4, 2 of" in one(browser, "#explorer-heard").get_attribute("textContent")
    assert severe(browser) == []


@pytest.mark.browser
def test_a_single_feature_opens_with_its_contrast(browser, explored):
    visit(browser, explored, "#explorer?k=1")
    first = entries(browser)[0]
    one(browser, "#explorer-rows button").send_keys(Keys.ENTER)
    assert "For contrast" in details(browser).text
    alone, others = every(browser, "#explorer-feature .agents")
    assert len(alone.find_elements("css selector", ":scope > li")) == 1
    cards = others.find_elements("css selector", ":scope > li")
    assert len(cards) == AGENTS - 1
    assert all(card.find_elements("css selector", "svg.quiz circle") for card in cards)
    cards[0].find_element("css selector", "button").send_keys(Keys.ENTER)
    until(browser, lambda: first not in one(browser, "#explorer-detail-title").text)
    assert severe(browser) == []


@pytest.mark.browser
def test_ablation_is_shown_by_task_agent_beside_agent(browser, explored):
    # Feature 14 of agents 0 and 1, by number modulo 8 one without which 5 points are lost.
    visit(browser, explored, "#explorer?open=family+7")
    text = details(browser).text
    assert "exact accuracy changes by \u22125.0 points (mean over its agents), and the loss" in text
    rows = values(browser, ".ablated tbody tr", "innerText")
    assert [row.split("\t")[0] for row in rows] == [
        "all tasks230", "frame25", "made by agents18", "loss, nats a cell",
    ]  # fmt: skip
    assert [row.split("\t")[1:] for row in rows[:3]] == [
        ["\u22125.0\u22127.5 to \u22122.5"] * 2,
        ["\u221210.0\u221212.5 to \u22127.5"] * 2,
        ["\u221215.0\u221217.5 to \u221212.5"] * 2,
    ]
    assert len(every(browser, ".ablated .sure")) == 6
    visit(browser, explored, "#explorer?open=0.1")
    details(browser)
    assert values(browser, ".ablated .change", "innerText") == ["0"] * 3
    assert every(browser, ".ablated .sure") == []
    assert severe(browser) == []


@pytest.mark.browser
def test_a_family_shows_what_was_found_of_it_as_one(browser, parted):
    visit(browser, parted, "#explorer?open=family+5")
    assert (
        "exact accuracy changes by \u22125.0 points (mean over its agents; 95 % interval "
        "\u22125.5 to \u22124.5; q = 0.05), and the loss by +0.005 nats" in details(browser).text
    )
    visit(browser, parted, "#explorer?open=family+31")
    assert "changes by \u22125.0 points (mean over its agents), and" in details(browser).text
    assert severe(browser) == []


@pytest.mark.browser
def test_a_feature_too_rare_to_compare_says_so(browser, explored, parted):
    visit(browser, explored, "#explorer?open=1.9")
    assert (
        "too seldom active, or quizzes too few, to compare agents\u2019 quizzes"
        in details(browser).text
    )
    visit(browser, explored, "#explorer?open=1.19")
    assert "3.0 % of tokens of agents\u2019 quizzes, 2.0 % of the world\u2019s (q = 0.34)" in (
        details(browser).text
    )
    visit(browser, parted, "#explorer?of=1&open=1.9")
    assert "of the world\u2019s" not in details(browser).text
    assert every(browser, "#explorer-filters [name=origin]") == []
    assert severe(browser) == []


@pytest.mark.browser
def test_arrows_turn_escape_closes_and_focus_returns(browser, explored):
    visit(browser, explored)
    names = entries(browser)
    one(browser, "#explorer-rows button").send_keys(Keys.ENTER)
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    details(browser)
    assert names[1] in one(browser, "#explorer-detail-title").text
    leave_detail(browser)
    # Over the end of the page: from its last entry to the sixth of the next one.
    every(browser, "#explorer-rows button")[-1].send_keys(Keys.ENTER)
    press(browser, *[Keys.ARROW_RIGHT] * 6)
    leave_detail(browser)
    assert not one(browser, "#explorer-detail").is_displayed()
    assert one(browser, "#explorer-pages span").text.startswith("Page 2 of")
    focused = "return document.activeElement.closest('tr')?.dataset.entry"
    assert browser.execute_script(focused) == entries(browser)[5]
    assert "open=" not in browser.current_url
    press(browser, *[Keys.ARROW_UP] * 6)
    assert browser.execute_script(focused) == names[-1]
    assert severe(browser) == []


@pytest.mark.browser
def test_an_address_opens_what_it_names(browser, explored):
    visit(browser, explored, "#explorer?open=family+7&sort=f1&page=3")
    assert "family 7" in details(browser).text
    # Feature 8 of every agent is in family 4.
    visit(browser, explored, "#explorer?open=2.8")
    assert "family 4" in details(browser).text
    visit(browser, explored, "#explorer?open=9.9&k=77&sort=none&page=999&of=5")
    assert not one(browser, "#explorer-detail").is_displayed()
    assert severe(browser) == []


@pytest.mark.browser
def test_parts_beside_the_page_are_loaded_when_asked_for(browser, parted):
    visit(browser, parted, "#explorer?open=family+30")
    assert len(details(browser).find_elements("css selector", ".beside")) == QUIZZES
    loaded = "return [...document.scripts].map(s => s.src).filter(Boolean)"
    assert not any("0-g0.js" in name for name in browser.execute_script(loaded))
    leave_detail(browser)
    choose(browser, "of", LATER)
    until(browser, lambda: counted(browser).startswith("8 families"))
    assert "without it" not in one(browser, "#explorer-head").text
    assert "of=1" in browser.current_url
    one(browser, "#explorer-rows button").send_keys(Keys.ENTER)
    assert details(browser).find_elements("css selector", ".beside circle")
    assert severe(browser) == []


@pytest.mark.browser
@pytest.mark.parametrize("failure", ["lost", "cut off", "not packed"])
def test_a_part_that_failed_is_read_again(browser, parted, tmp_path, failure):
    page, folder = tmp_path / "index.html", tmp_path / "explorer"
    page.write_text(parted.read_text())
    shutil.copytree(parted.with_name("explorer"), folder)
    part = folder / "0-g0.js"
    whole = part.read_text()
    damaged = {
        "cut off": whole[: len(whole) // 2],
        "not packed": 'cultureExplorer("0-g0",{"a":[]})',
    }
    part.unlink() if failure == "lost" else part.write_text(damaged[failure])
    visit(browser, page, "#explorer?open=family+0")
    until(browser, lambda: every(browser, "#explorer-feature .bad"))
    said = {
        "lost": "0-g0.js is not beside this page",
        "cut off": "0-g0.js is damaged",
        "not packed": "",
    }
    assert said[failure] in one(browser, "#explorer-feature .bad").text
    part.write_text(whole)
    leave_detail(browser)
    one(browser, "#explorer-rows button").send_keys(Keys.ENTER)
    assert len(details(browser).find_elements("css selector", ".beside")) == QUIZZES
    browser.get_log("browser")


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_nothing_is_wider_than_the_window(browser, explored, size):
    with window(browser, *size):
        for hash_ in ("#explorer?open=family+0", "#explorer?k=1&open=2.7"):
            visit(browser, explored, hash_)
            details(browser)
            width = "return document.documentElement.scrollWidth"
            assert browser.execute_script(width) <= size[0]
            wide = "const d = document.getElementById('explorer-detail');"
            assert browser.execute_script(f"{wide} return d.scrollWidth - d.clientWidth") == 0
            cut = (
                "return [...document.querySelectorAll('#explorer-feature .agents > li')]"
                ".filter(e => e.scrollWidth > e.clientWidth).length"
            )
            assert browser.execute_script(cut) == 0
