"""The report in a real browser: every section, no error, no horizontal scroll."""

import re
import shutil
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from agents.config import ModelConfig
from culture_sim.report import write_report
from culture_sim.report.page.charts import Point, learning_curves, round_starts, shade
from culture_sim.report.page.gather import gather
from culture_sim.report.summary import features_summary
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from culture_sim.run.state import AgentState
from sae.comparison.schema import SCHEMA
from sae.config import SAEConfig
from tests.helpers.browser import check_page
from tests.helpers.made_features import DICTIONARY, SITE, make_features
from tests.helpers.made_states import evaluation
from tests.helpers.reading import embedded
from world.core.files import read_json, write_json


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


def test_both_lookups_stand_beside_the_agents_over_all_and_by_task(runs):
    page = write_report(Run.open(runs / "smoke")).read_text()
    for name in ("lookup", "copies"):
        assert page.count(f'<th scope="row">{name}</th>') == 2


def test_the_headline_is_of_the_final_test_and_of_new_objects_before_culture(empty_run):
    state = AgentState(
        0, test=evaluation(0.96), final_test=evaluation(0.93), new_objects=evaluation(0.71)
    )
    later = replace(state.with_course(), round=1, new_objects=evaluation(0.82)).with_course()
    write_json(empty_run.path / "agents" / "0" / "state.json", later.to_json())
    head = write_report(empty_run).read_text().partition('<section id="learning">')[0]
    assert re.findall(r"<li><b>(.*?)</b>", head)[:2] == ["93.0%", "71.0%"]


def test_curves_have_a_line_for_each_agent():
    picture = learning_curves({0: [Point(10, 0.5, 0)], 1: [Point(20, 1.0, 0)]}, 0.95, "Accuracy")
    assert picture.count('class="line"') == 2
    assert "target 95%" in picture
    assert "target" not in learning_curves({0: [Point(10, 0.5, 0)]}, 0.0, "Accuracy")


def test_half_a_line_of_metrics_is_left_out(empty_run):
    whole = (
        '{"stage": "train", "event": "epoch", "agent": 0, "round": 0, "quizzes": 10, '
        '"validation": {"accuracy": 0.5}}'
    )
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


def test_the_first_comparison_is_the_first_of_the_options(tmp_path):
    # By name, hook_embed would be the second; the network computes it first.
    sites, widths = ("hook_embed", SITE), (int(DICTIONARY.rpartition("-")[2]),)
    config = RunConfig(model=ModelConfig(d_model=32), sae=SAEConfig(sites=sites, widths=widths))
    run = Run.start(tmp_path / "run", config, "compact")
    for site in sites[::-1]:
        make_features(run, 4, site)
    found = gather(run)["features"]
    assert [each["site"] for each in found["comparisons"]] == list(sites)
    assert found["site"] == "hook_embed"
    first, second = embedded(write_report(run).read_text(), "explorer-index")["comparisons"]
    assert (first, second) == tuple(f"{site}, {DICTIONARY}" for site in sites)


def test_a_comparison_of_another_version_is_left_out_and_named(tmp_path):
    sites, widths = ("hook_embed", SITE), (int(DICTIONARY.rpartition("-")[2]),)
    config = RunConfig(model=ModelConfig(d_model=32), sae=SAEConfig(sites=sites, widths=widths))
    run = Run.start(tmp_path / "run", config, "compact")
    folder, _ = (make_features(run, 4, site) for site in sites)
    assert gather(run)["left_out"] == []
    # Figures are named otherwise in it.
    write_json(folder / "summary.json", {"schema": SCHEMA + 1})
    found = gather(run)
    assert [each["site"] for each in found["features"]["comparisons"]] == [SITE]
    assert list(features_summary(run)) == [f"{SITE}/{DICTIONARY}"]
    line = f"Left out: the files of {folder} are of version {SCHEMA + 1}, and version {SCHEMA} is"
    assert line in write_report(run).read_text()
    shutil.rmtree(run.path / "features" / SITE)
    page = write_report(run).read_text()
    assert line in page
    assert "Features have not been compared yet" in page


def test_a_missing_universality_is_explained(tmp_path):
    widths = (int(DICTIONARY.rpartition("-")[2]),)
    config = RunConfig(model=ModelConfig(d_model=32), sae=SAEConfig(sites=(SITE,), widths=widths))
    run = Run.start(tmp_path / "run", config, "compact")
    path = make_features(run, 4, SITE) / "summary.json"
    assert "<b>Universality 0.60</b>" in write_report(run).read_text()
    summary, reason = read_json(path, ""), "the ceiling is not clearly above the null"
    none = {"value": None, "low": None, "high": None, "reason": reason}
    write_json(path, {**summary, "universality": {**summary["universality"], **none}})
    page = write_report(run).read_text()
    assert f"<b>No universality</b> ({reason})" in page
    assert page.count(reason) == 2


INK, PAPER = {"light": "1b1b1b", "dark": "e8e8e6"}, {"light": "ffffff", "dark": "161616"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_ink_is_legible_on_shaded_cells(scheme, value):
    """WCAG 2.2 asks for a contrast of 4.5."""
    style = files("culture_sim.report").joinpath("page/style.css").read_text()
    for name, colour in (("ink", INK[scheme]), ("paper", PAPER[scheme])):
        assert re.search(rf"--{name}: #({colour}|{colour[:3]});", style)
    *blue, alpha = map(
        float, re.search(r"rgb\((.+)\)", shade(value, 0, 1))[1].replace("/", "").split()
    )
    ink, paper = (np.array(list(bytes.fromhex(c[scheme]))) for c in (INK, PAPER))
    low, high = sorted(map(luminance, (ink, alpha * np.array(blue) + (1 - alpha) * paper)))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def luminance(colour):
    """Relative luminance of sRGB [3], 0 to 255 (WCAG 2.2)."""
    share = np.asarray(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.browser
def test_the_page_opens_whole_and_fits(browser, empty_run):
    check_page(browser, write_report(empty_run))
