"""The report in a real browser: every section, no error, no horizontal scroll."""

import pytest

from agents.config import ModelConfig
from culture_sim.config import RunConfig
from culture_sim.report import write_report
from culture_sim.report.charts import Point, learning_curves, round_starts
from culture_sim.report.gather import gather
from culture_sim.run import Run
from tests.browser import check_page


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
    check_page(browser, write_report(empty_run))
