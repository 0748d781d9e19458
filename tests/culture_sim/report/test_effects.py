"""What the report says of layers and of the crosscoder, with and without their files."""

from __future__ import annotations

import re

import pytest

from culture_sim.features.folders import EFFECTS
from culture_sim.report import write_report
from culture_sim.report.page.gather import gather
from culture_sim.report.page.joint import joint
from culture_sim.report.page.layers import layers
from sae.crosscoder.controls import CONTROLS
from tests.helpers.browser import PHONE, check_page, every, one, severe, values, window
from tests.helpers.exploring import made_run
from tests.helpers.made_effects import TASKS, lost, make_components, make_crosscoder
from tests.helpers.reading import visit
from world.core.errors import UserError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A comparison with nothing beside it."""
    return made_run(tmp_path_factory.mktemp("runs") / "run", 8)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report with both parts."""
    run = made_run(tmp_path_factory.mktemp("runs") / "run", 8)
    folder = next(run.path.glob("features/*/*"))
    make_components(folder)
    make_crosscoder(folder)
    return write_report(run)


def rows_after(page, heading):
    """The cells of the rows of the first table below a heading, as text."""
    table = page.partition(f'id="{heading}"')[2].partition("<tbody>")[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.S)
    return [
        [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", r)] for r in rows
    ]


def test_without_their_files_their_commands_are_named(run):
    page = write_report(run).read_text()
    for command in ("effects", "crosscoder"):
        assert f"Run <code>culture-sim {command} --run run</code> to add this part" in page


def test_every_layer_and_task_has_its_mean_loss(page):
    names = {"attention": "attention", "mlp": "MLP"}
    *rows, untouched = rows_after(page.read_text(), "layers")
    assert rows == [
        # Agent 1 is the mean of the three.
        [f"{names[kind]} of layer {n}", *(str(lost(1, n, kind, task)) for task in TASKS)]
        for n in (0, 1)
        for kind in names
    ]
    assert untouched == ["with all layers", *["97.0%"] * len(TASKS)]
    text = " ".join(page.read_text().split())
    assert "most without the MLP of layer 1 (15 points of accuracy)" in text
    assert "least without the attention of layer 0 (0)" in text
    assert "mean over 3 agents, on 234 quizzes" in text


def test_a_gain_is_no_loss(tmp_path):
    make_components(tmp_path, agents=1)
    # Agent 0 alone is two points above the mean.
    assert [row["lost"][0] for row in layers(tmp_path, "run")["rows"]] == [-2, 3, 8, 13]


def test_the_crosscoder_stands_above_its_controls(page):
    assert rows_after(page.read_text(), "crosscoder") == [
        [CONTROLS["none"], "500", "400", "60", "40", "20", "85.0%"],
        [CONTROLS["copies"], "600", "400", "61", "41", "21", "86.0%"],
        [CONTROLS["permuted"], "700", "400", "62", "42", "22", "87.0%"],
    ]
    assert "Of 500 features that fire often enough to be judged, 400 are carried by" in " ".join(
        page.read_text().split()
    )
    assert "Of 900 features of the agents' own autoencoders" in " ".join(page.read_text().split())


def test_a_crosscoder_without_controls_does_not_speak_of_them(run):
    folder = next(run.path.glob("features/*/*"))
    make_crosscoder(folder, controls=False)
    page = write_report(run).read_text()
    (folder / "crosscoder.json").unlink()
    assert len(rows_after(page, "crosscoder")) == 1
    assert "controls" not in page.partition('id="crosscoder"')[2].partition('id="explorer"')[0]


def test_tables_of_an_interrupted_command_are_not_shown(tmp_path):
    run = made_run(tmp_path / "run", 8)
    folder = next(run.path.glob("features/*/*"))
    make_components(folder)

    def shown():
        found = gather(run)["features"]
        return found["layers"] is not None, '"accuracy"' in found["explorer"].inside["0"]

    assert shown() == (True, True)
    (folder / EFFECTS).unlink()
    assert shown() == (False, False)
    page = write_report(run).read_text()
    assert "Run <code>culture-sim effects --run run</code> to add this part" in page


@pytest.mark.parametrize(
    ("name", "read", "command"),
    [("components.parquet", layers, "effects"), ("crosscoder.json", joint, "crosscoder")],
)
def test_a_damaged_file_names_its_command(tmp_path, name, read, command):
    (tmp_path / EFFECTS).write_text("{}")
    (tmp_path / name).write_bytes(b"PAR1 {")
    remedy = f"make it again with: culture-sim {command} --run run"
    with pytest.raises(UserError, match=rf"(is damaged|cannot be read) .*; {remedy}"):
        read(tmp_path, "run")


@pytest.mark.browser
def test_both_fit(browser, page):
    check_page(browser, page)
    with window(browser, *PHONE):
        visit(browser, page)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
        box = every(browser, ".box:has(> .wide)")
        assert len(box) == 2
        # Borders that cells share would stay behind when the first column does not move.
        assert set(values(browser, ".wide", "computedStyleMap().get('border-collapse').value")) == {
            "separate"
        }
        # The first column stays when the others are moved.
        browser.execute_script("arguments[0].scrollLeft = 1000", box[1])
        lefts = values(browser, ".wide th[scope=row]", "getBoundingClientRect().left")
        assert min(lefts) >= 0
        assert one(browser, ".wide th[scope=row]").is_displayed()
    assert severe(browser) == []
