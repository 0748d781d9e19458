"""The report in a real browser: every section, no error, no horizontal scroll."""

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from agents.config import ModelConfig
from culture_sim.config import RunConfig
from culture_sim.presets import presets
from culture_sim.report import write_report
from culture_sim.report.charts import Point, learning_curves, round_starts
from culture_sim.report.gather import gather
from culture_sim.run import Run

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SECTIONS = ("learning", "culture", "features", "reading", "run")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    options = Options()
    options.binary_location = str(CHROMIUM)
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.set_window_size(1280, 900)
    yield driver
    driver.quit()


@pytest.fixture
def empty_run(tmp_path):
    return Run.start(tmp_path / "empty", RunConfig(model=ModelConfig(d_model=32)), "compact")


def test_a_run_without_results_says_what_to_run(empty_run):
    page = write_report(empty_run).read_text()
    for command in ("train-agents", "culture-round", "sae"):
        assert f"culture-sim {command} --run empty" in page


def test_the_page_needs_no_network(empty_run):
    page = write_report(empty_run).read_text()
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


def test_curves_have_a_line_for_each_agent():
    picture = learning_curves({0: [Point(10, 0.5, 0)], 1: [Point(20, 1.0, 0)]}, 0.95, "Accuracy")
    assert picture.count('class="line"') == 2
    assert "target 95%" in picture
    assert "target" not in learning_curves({0: [Point(10, 0.5, 0)]}, 0.0, "Accuracy")


def test_half_a_line_of_metrics_is_left_out(empty_run):
    whole = '{"event": "epoch", "agent": 0, "round": 0, "quizzes": 10, "gate": {"accuracy": 0.5}}'
    (empty_run.path / "metrics.jsonl").write_text(whole + '\n{"event": "epo')
    assert gather(empty_run)["curves"] == {0: [Point(10, 0.5, 0)]}


def test_curves_start_at_the_first_measurement():
    points = [Point(10, 0.5, 0), Point(20, 1.0, 0)]
    picture = learning_curves({0: points}, 0.0, "Accuracy")
    line = next(part for part in picture.split("<path") if 'class="line"' in part)
    assert line.count("L") == 1
    assert "circle" not in picture


def test_a_ring_marks_where_culture_began():
    points = [Point(10, 0.5, 0), Point(20, 0.9, 0), Point(30, 0.9, 1), Point(40, 1.0, 2)]
    assert round_starts({0: points}) == {0: [points[1], points[2]]}
    assert learning_curves({0: points}, 0.0, "Accuracy").count('class="start"') == 2


@pytest.mark.browser
def test_the_page_opens_whole_and_fits(browser, empty_run):
    check(browser, write_report(empty_run))


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.xdist_group("smoke_run")
def test_the_report_of_a_whole_run_opens_and_fits(browser, runs):
    check(browser, runs / "smoke" / "report" / "index.html")
    assert len(browser.find_elements("css selector", ".chart .line")) == presets["smoke"]().agents
    assert len(browser.find_elements("css selector", "#features .matrix td")) == 26
    assert browser.find_elements("css selector", "svg.quiz")


def check(browser, page):
    browser.get(page.as_uri())
    for section in SECTIONS:
        assert browser.find_element("id", section).is_displayed()
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= 1280
    assert [e for e in browser.get_log("browser") if e["level"] == "SEVERE"] == []
