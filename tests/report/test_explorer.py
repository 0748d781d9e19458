"""The explorer of features: what is gathered for it, and the page in a real browser."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from agents.config import ModelConfig
from culture_sim.config import RunConfig
from culture_sim.report import explorer, explorer_tables, write_report
from culture_sim.run import Run
from sae.examples import QUIZZES
from tests.browser import check_page
from tests.report.made_features import AGENTS, CONCEPTS, SITE, make_features
from world.errors import UserError

SIZE = 64
FAMILIES, ALONE = SIZE // 2, AGENTS * SIZE - sum(AGENTS - f % 4 for f in range(SIZE // 2))
ALL = f"{FAMILIES} families and {ALONE} features in no family"
PHONE, DESK = (375, 800), (1280, 900)
LATER = "blocks.3.hook_resid_post"
"""A second site; it is compared, too."""


def made_run(path, size=SIZE, **options):
    run = Run.start(path, RunConfig(model=ModelConfig(d_model=32)), "compact")
    make_features(run, size, **options)
    return run


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return write_report(made_run(tmp_path_factory.mktemp("runs") / "explored"))


@pytest.fixture(scope="module")
def parted(tmp_path_factory):
    """A report whose details are beside it, with a second comparison."""
    run = made_run(tmp_path_factory.mktemp("runs") / "parted")
    make_features(run, 16, LATER, effects=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explorer, "INSIDE", 1000)
        patch.setattr(explorer, "PART", 24)
        return write_report(run)


@pytest.fixture(scope="module")
def large_page(tmp_path_factory):
    return write_report(made_run(tmp_path_factory.mktemp("runs") / "large", 4096))


def held(page, part):
    """What a part of the page holds, with its columns unpacked."""
    found = re.search(
        rf'<script type="application/json" id="explorer-part-{part}">(.*?)</script>',
        page.read_text(),
    )
    tree = json.loads(found[1])
    columns = tree.pop("columns", tree)
    return tree, {name: unpacked(*column) for name, column in columns.items()}


def unpacked(kind, row, text):
    values = np.frombuffer(gzip.decompress(base64.b64decode(text)), kind)
    return values.reshape(-1, row) if row > 1 else values


# What is gathered.


def test_every_compared_feature_is_in_the_list(page):
    tree, columns = held(page, "0")
    folder = page.parents[1] / "features" / SITE / "batch_topk-64"
    examples = pd.read_parquet(folder / "examples.parquet")
    assert np.array_equal(columns["agent"], examples.agent)
    assert np.array_equal(columns["feature"], examples.feature)
    matches = pd.read_parquet(folder / "matches.parquet").set_index(
        ["agent_a", "feature_a", "agent_b"]
    )
    for row in (0, 70, 319):
        agent, feature = columns["agent"][row], columns["feature"][row]
        assert np.isnan(columns["r"][row, agent])
        for other in set(range(AGENTS)) - {agent}:
            found = matches.loc[agent, feature, other]
            assert columns["r"][row, other] == pytest.approx(found.r)
            assert columns["nullR"][row, other] == pytest.approx(found.null_r)
            assert tree["kinds"][columns["kind"][row, other]] == found.kind
            best = columns["match"][row, other]
            assert (columns["agent"][best], columns["feature"][best]) == (other, found.feature_b)
    effects = pd.read_parquet(folder / "effects.parquet")
    ablated = effects[(effects.factor == 0) & (effects.task == "all")]
    assert np.allclose(columns["effect"], ablated.loss_change)


def test_activations_stay_on_their_cells(page):
    tree, listing = held(page, "0")
    _, details = held(page, "0-f0")
    _, families = held(page, "0-g0")
    assert set(tree["quizzes"]["structure"]) == {0, 1, 2, 3}
    cells = details["activations"].shape[1] // QUIZZES // 4
    lines = details["activations"].reshape(-1, QUIZZES, 4, cells)
    rows = np.arange(len(lines))
    first = listing["feature"] // 2 % cells
    assert (lines[rows, 0, 3, first] == 255).all()
    shared = families["activations"].reshape(FAMILIES, AGENTS, QUIZZES, 4, cells)
    for family in range(FAMILIES):
        members = listing["members"][family] >= 0
        assert (shared[family, members, 0, 3, family % cells] == 255).all()
        assert (shared[family, ~members] == 0).all()


def test_large_details_are_beside_the_page(parted):
    text, folder = parted.read_text(), parted.with_name("explorer")
    assert 'id="explorer-part-0"' in text
    assert 'id="explorer-part-0-f0"' not in text
    assert 'id="explorer-part-1"' not in text
    names = {path.name for path in folder.iterdir()}
    assert {"0-f0.js", "0-f13.js", "0-g1.js", "1.js", "1-f0.js"} <= names
    assert (folder / "1.js").read_text().startswith('cultureExplorer("1",{"agents"')


def test_parts_of_an_earlier_report_are_removed(tmp_path, monkeypatch):
    run = made_run(tmp_path / "run", 8)
    monkeypatch.setattr(explorer, "INSIDE", 1000)
    folder = write_report(run).with_name("explorer")
    assert list(folder.iterdir())
    monkeypatch.undo()
    write_report(run)
    assert not list(folder.iterdir())


def test_a_run_without_families_is_explored(tmp_path):
    run = made_run(tmp_path / "run", 1)
    _, columns = held(write_report(run), "0")
    assert columns["members"].size == 0
    assert len(columns["agent"]) == AGENTS


def test_a_run_without_examples_says_what_to_run(tmp_path):
    run = made_run(tmp_path / "run", 8)
    next(run.path.glob("features/*/*/examples.parquet")).unlink()
    text = write_report(run).read_text()
    assert "There are no examples to explore. Run <code>culture-sim sae --run run</code>" in text
    assert "<script" not in text


def test_a_damaged_table_is_one_clear_line(tmp_path):
    run = made_run(tmp_path / "run", 8)
    folder = next(run.path.glob("features/*/*"))
    (folder / "concepts.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match="culture-sim sae --run run"):
        explorer_tables.read_tables(folder, "run")


# The page.


def one(driver, selector):
    return driver.find_element("css selector", selector)


def every(driver, selector):
    return driver.find_elements("css selector", selector)


def until(driver, condition):
    """Parts are unpacked, or loaded, while the page goes on."""
    return WebDriverWait(driver, 10, 0.02).until(lambda _: condition())


def visit(driver, page, hash_=""):
    driver.get("about:blank")
    driver.get(page.as_uri() + hash_)
    until(driver, lambda: every(driver, "#explorer-rows tr"))


def severe(driver):
    return [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def counted(driver):
    return one(driver, "#explorer-count").text


def some_of(found):
    return f"{found} of {FAMILIES + ALONE} families and features"


def entries(driver):
    return [row.get_attribute("data-entry") for row in every(driver, "#explorer-rows tr")]


def search(driver, text):
    field = one(driver, "#explorer-filters [name=words]")
    field.clear()
    field.send_keys(text)


def pick(driver, name, text):
    """Choose the option of a filter that begins with a text; returns the number it promises."""
    options = Select(one(driver, f"#explorer-filters [name={name}]")).options
    option = next(each for each in options if each.text.startswith(text))
    found = re.search(r"\(([\d,]+)\)$", option.text)
    option.click()
    return found and int(found[1].replace(",", ""))


def press(driver, *keys):
    ActionChains(driver).send_keys(*keys).perform()


def details(driver):
    """The dialog, once its details are there."""
    until(driver, lambda: every(driver, "#explorer-feature .agents"))
    return one(driver, "#explorer-feature")


@contextmanager
def window(driver, width, height):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.browser
def test_the_whole_report_fits(browser, page):
    check_page(browser, page)


@pytest.mark.browser
def test_families_come_first_with_pictures(browser, page):
    visit(browser, page)
    assert counted(browser) == f"{ALL}, 1 to 25"
    assert entries(browser)[:3] == ["family 0", "family 4", "family 8"]
    row = one(browser, "#explorer-rows tr")
    assert row.text.startswith(CONCEPTS[0])
    assert len(row.find_elements("css selector", ".who i[style]")) == AGENTS
    until(browser, lambda: every(browser, "#explorer-rows .sight circle"))
    assert severe(browser) == []


@pytest.mark.browser
def test_search_finds_names_concepts_and_numbers(browser, page):
    visit(browser, page)
    search(browser, "last corner")
    texts = [row.text for row in every(browser, "#explorer-rows tr")]
    assert texts
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
    one(browser, "#explorer-filters [name=clear]").click()
    assert counted(browser).startswith(ALL)
    assert severe(browser) == []


@pytest.mark.browser
def test_filters_show_what_they_promise(browser, page):
    visit(browser, page)
    assert pick(browser, "k", "5 agents") == FAMILIES // 4
    assert counted(browser).startswith(some_of(FAMILIES // 4))
    assert entries(browser) == [f"family {f}" for f in range(0, FAMILIES, 4)]
    for name, text in (("kind", "split"), ("agent", "in agent 3"), ("task", "frame")):
        visit(browser, page)
        found = pick(browser, name, text)
        assert 0 < found < FAMILIES + ALONE
        assert counted(browser).startswith(some_of(found))
        assert f"{name}=" in browser.current_url
        address = browser.current_url
        visit(browser, page, "#" + address.partition("#")[2])
        assert counted(browser).startswith(some_of(found))
    assert severe(browser) == []


@pytest.mark.browser
def test_columns_sort_both_ways(browser, page):
    visit(browser, page)
    one(browser, ".of-r button").click()
    shown = [float(cell.text) for cell in every(browser, "#explorer-rows .of-r")]
    assert shown == sorted(shown, reverse=True)
    one(browser, ".of-r button").click()
    shown = [float(cell.text) for cell in every(browser, "#explorer-rows .of-r")]
    assert shown == sorted(shown)
    assert one(browser, "th.of-r").get_attribute("aria-sort") == "ascending"
    pick(browser, "sort", "most needed")
    shown = [
        cell.text.replace("\u2212", "-") for cell in every(browser, "#explorer-rows .of-effect")
    ]
    assert [float(each) for each in shown] == sorted(map(float, shown), reverse=True)
    assert severe(browser) == []


@pytest.mark.browser
def test_a_family_opens_by_keyboard_agent_beside_agent(browser, page):
    visit(browser, page)
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
    assert "f(B) row 1 column 5, 100 %" in label
    cards = every(browser, "#explorer-feature .agents > li")
    assert len(cards) == AGENTS
    for kind in (".concepts li", ".bars", ".logits .swatch", ".matches li"):
        assert cards[0].find_elements("css selector", kind)
    assert "without it:" in cards[0].text
    assert "null" in cards[0].text
    assert "For contrast" not in shown.text
    assert "family 4, 2 of" in one(browser, "#explorer-heard").get_attribute("textContent")
    assert severe(browser) == []


@pytest.mark.browser
def test_a_single_feature_opens_with_its_contrast(browser, page):
    visit(browser, page, "#explorer?k=1")
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
def test_arrows_turn_escape_closes_and_focus_returns(browser, page):
    visit(browser, page)
    names = entries(browser)
    one(browser, "#explorer-rows button").send_keys(Keys.ENTER)
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    details(browser)
    assert names[1] in one(browser, "#explorer-detail-title").text
    press(browser, *[Keys.ARROW_RIGHT] * 29)
    press(browser, Keys.ESCAPE)
    assert not one(browser, "#explorer-detail").is_displayed()
    assert one(browser, "#explorer-pages span").text.startswith("Page 2 of")
    focused = "return document.activeElement.closest('tr')?.dataset.entry"
    assert browser.execute_script(focused) == entries(browser)[5]
    assert "open=" not in browser.current_url
    press(browser, *[Keys.ARROW_UP] * 6)
    assert browser.execute_script(focused) == names[-1]
    assert severe(browser) == []


@pytest.mark.browser
def test_an_address_opens_what_it_names(browser, page):
    visit(browser, page, "#explorer?open=family+7&sort=f1&page=3")
    assert "family 7" in details(browser).text
    # Feature 8 of every agent is in family 4.
    visit(browser, page, "#explorer?open=2.8")
    assert "family 4" in details(browser).text
    visit(browser, page, "#explorer?open=9.9&k=77&sort=none&page=999&of=5")
    assert not one(browser, "#explorer-detail").is_displayed()
    assert severe(browser) == []


@pytest.mark.browser
def test_parts_beside_the_page_are_loaded_when_asked_for(browser, parted):
    visit(browser, parted, "#explorer?open=family+30")
    assert len(details(browser).find_elements("css selector", ".beside")) == QUIZZES
    loaded = "return [...document.scripts].map(s => s.src).filter(Boolean)"
    assert not any("0-g0.js" in name for name in browser.execute_script(loaded))
    press(browser, Keys.ESCAPE)
    pick(browser, "of", LATER)
    until(browser, lambda: counted(browser).startswith("8 families"))
    assert "effect" not in one(browser, "#explorer-head").text
    assert "of=1" in browser.current_url
    one(browser, "#explorer-rows button").send_keys(Keys.ENTER)
    assert details(browser).find_elements("css selector", ".beside circle")
    assert severe(browser) == []


@pytest.mark.browser
def test_a_part_that_is_lost_is_said(browser, parted, tmp_path):
    alone = tmp_path / "alone.html"
    alone.write_text(parted.read_text())
    visit(browser, alone, "#explorer?open=family+0")
    until(browser, lambda: "is not beside this page" in one(browser, "#explorer-feature").text)
    browser.get_log("browser")


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_nothing_is_wider_than_the_window(browser, page, size):
    with window(browser, *size):
        for hash_ in ("#explorer?open=family+0", "#explorer?k=1&open=2.7"):
            visit(browser, page, hash_)
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
