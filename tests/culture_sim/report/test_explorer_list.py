"""The explorer's list in a real browser: what is found, filtered and sorted in it."""

from __future__ import annotations

import time

import pytest

from culture_sim.report import write_report
from tests.helpers.browser import check_page, every, one, severe, until, values
from tests.helpers.exploring import (
    ALL,
    ALONE,
    FAMILIES,
    choose,
    counted,
    entries,
    made_run,
    pick,
    some_of,
    visit,
)
from tests.helpers.made_features import AGENTS, CONCEPTS
from tests.helpers.reading import clear


@pytest.fixture(scope="module")
def large_page(tmp_path_factory):
    return write_report(made_run(tmp_path_factory.mktemp("runs") / "large", 4096))


def search(driver, text):
    field = one(driver, "#explorer-filters [name=words]")
    field.clear()
    field.send_keys(text)


@pytest.mark.browser
def test_the_whole_report_fits(browser, explored):
    check_page(browser, explored)


@pytest.mark.browser
def test_families_come_first_with_pictures(browser, explored):
    visit(browser, explored)
    assert counted(browser) == f"{ALL}, 1 to 25"
    assert entries(browser)[:3] == ["family 0", "family 4", "family 8"]
    row = one(browser, "#explorer-rows tr")
    assert row.text.startswith(CONCEPTS[0])
    assert len(row.find_elements("css selector", ".who i[style]")) == AGENTS
    until(browser, lambda: every(browser, "#explorer-rows .sight circle"))
    assert severe(browser) == []


@pytest.mark.browser
def test_search_finds_names_concepts_and_numbers(browser, explored):
    visit(browser, explored)
    search(browser, "last corner")
    assert entries(browser)
    assert counted(browser) != f"{ALL}, 1 to 25"
    assert "q=last+corner" in browser.current_url
    # Feature 2 of agent 4 is in no family, since family 1 is of four agents.
    search(browser, "4.2")
    assert "4.2" in entries(browser)
    # Feature 8 is in family 4, which all agents share.
    search(browser, "3.8")
    assert entries(browser) == ["family 4"]
    search(browser, "no such thing")
    assert counted(browser).startswith("Nothing is like that")
    clear(browser, "explorer")
    assert counted(browser).startswith(ALL)
    assert severe(browser) == []


@pytest.mark.browser
def test_filters_show_what_they_promise(browser, explored):
    visit(browser, explored)
    assert pick(browser, "k", "5 agents") == FAMILIES // 4
    assert counted(browser).startswith(some_of(FAMILIES // 4))
    assert entries(browser) == [f"family {f}" for f in range(0, FAMILIES, 4)]
    chosen = [("kind", "split"), ("agent", "in agent 3"), ("task", "frame")]
    chosen += [("origin", text) for text in ("agents", "world", "10 times more", "never on")]
    for name, text in chosen:
        clear(browser, "explorer")
        found = pick(browser, name, text)
        assert 0 < found < FAMILIES + ALONE
        assert counted(browser).startswith(some_of(found))
        assert f"{name}=" in browser.current_url
        address = browser.current_url
        visit(browser, explored, "#" + address.partition("#")[2])
        assert counted(browser).startswith(some_of(found))
    assert severe(browser) == []


@pytest.mark.browser
def test_columns_sort_both_ways(browser, explored):
    visit(browser, explored)
    one(browser, ".of-r button").click()
    shown = [float(text) for text in values(browser, "#explorer-rows .of-r", "innerText")]
    assert shown == sorted(shown, reverse=True)
    one(browser, ".of-r button").click()
    shown = [float(text) for text in values(browser, "#explorer-rows .of-r", "innerText")]
    assert shown == sorted(shown)
    assert one(browser, "th.of-r").get_attribute("aria-sort") == "ascending"
    choose(browser, "sort", "most needed")
    # Without features 7, 15 and so on the fewest quizzes are answered, whatever the loss.
    texts = values(browser, "#explorer-rows .of-accuracy", "innerText")
    assert {text.replace("\n", " ") for text in texts} == {"\u22126.0 \u22128.5 to \u22123.5"}
    assert one(browser, "th.of-accuracy").get_attribute("aria-sort") == "ascending"
    assert entries(browser)[:2] == ["0.7", "0.15"]
    one(browser, ".of-accuracy button").click()
    texts = values(browser, "#explorer-rows .of-accuracy", "innerText")
    assert texts[0].startswith("+1.0")
    assert one(browser, "th.of-accuracy").get_attribute("aria-sort") == "descending"
    choose(browser, "sort", "most on agents")
    texts = values(browser, "#explorer-rows .of-ratio", "innerText")
    assert set(texts) == {"only"}
    # Whether families or single features: 3, 8, 13 and so on fire on no quiz of the world.
    assert entries(browser)[:7] == [*(f"family {f}" for f in range(4, 30, 5)), "0.3"]
    one(browser, ".of-ratio button").click()
    texts = values(browser, "#explorer-rows .of-ratio", "innerText")
    assert set(texts) == {"0.67 \u00d7"}
    assert severe(browser) == []


SOUGHT = """
const [name, given, event] = arguments, field = document.querySelector(
  `#explorer-filters [name=${name}]`), start = performance.now();
field.value = given;
field.dispatchEvent(new Event(event, { bubbles: true }));
return performance.now() - start;
"""
OPENED = """
const done = arguments[0], start = performance.now();
document.querySelector("#explorer-rows button").click();
const look = () => document.querySelector("#explorer-feature .agents")
  ? done(performance.now() - start) : requestAnimationFrame(look);
look();
"""


@pytest.mark.browser
def test_twenty_thousand_features_are_quick(browser, large_page):
    size, start = large_page.stat().st_size, time.perf_counter()
    visit(browser, large_page)
    shown = time.perf_counter() - start
    assert counted(browser).startswith("2,048 families and 13,312 features in no family")
    typed = browser.execute_script(SOUGHT, "words", "corner", "input")
    filtered = browser.execute_script(SOUGHT, "k", "1", "change")
    sorted_ = browser.execute_script(SOUGHT, "sort", "f1", "change")
    opened = browser.execute_async_script(OPENED)
    print(
        f"{size / 1e6:.1f} MB, shown after {shown:.2f} s; searched in {typed:.0f} ms, filtered in "
        f"{filtered:.0f} ms, sorted in {sorted_:.0f} ms, opened in {opened:.0f} ms"
    )
    assert size < 20e6
    assert shown < 10
    assert max(typed, filtered, sorted_, opened) < 3000
    assert severe(browser) == []
