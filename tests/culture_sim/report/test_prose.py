"""Words drawn by the report's script: in lines, each inside its own cell, as they are read."""

import json
from dataclasses import asdict

import pytest

from culture_sim.report.shared import blobs
from tests.helpers.browser import severe
from tests.helpers.sentences import quizzes
from world.core.view import CELL, INK, MARKS
from world.names import NamesWorld

WORLD = NamesWorld()
SAID = (
    "perhaps soon After Ursula met Vincent in the library quietly Vincent wanted to sell the map to"
)
SHOWN = """
const panels = [0, 1].map((p) => panel(arguments[0], p, { wrong: p ? [0] : [] }));
document.body.append(picture(panels, "a sentence", 1));
const texts = [...document.querySelectorAll("svg g text")];
return {
  spoken: spoken(part(arguments[0], 0), 0),
  words: texts.filter((text) => text.textContent).map((text) => text.textContent),
  lines: new Set(texts.map((text) => text.getAttribute("y"))).size,
  crosses: document.querySelectorAll(".cross").length,
  boxes: texts.map((text) => [text.getBBox().x, text.getBBox().width]),
  cells: boxes(0, part(arguments[0], 0)),
};
"""


@pytest.fixture(scope="module")
def found(browser, tmp_path_factory):
    """What a page says of a drawn sentence."""
    page = tmp_path_factory.mktemp("prose") / "page.html"
    drawing = {
        **asdict(WORLD.view),
        "unit": "word",
        "example": 0,
        "marks": MARKS,
        "inks": INK["written"],
    }
    script = (blobs.__file__).replace("blobs.py", "draw.js")
    with open(script, encoding="utf-8") as file:
        page.write_text(
            f'<meta charset="utf-8"><body style="font-family:system-ui,sans-serif">'
            f'<script type="application/json" id="drawing">{json.dumps(drawing)}</script>'
            f"<script>{file.read()}</script>"
        )
    browser.get(page.as_uri())
    row = blobs.written(quizzes(WORLD, f"{SAID} Ursula").tokens)[0]
    told = browser.execute_script(SHOWN, row)
    assert severe(browser) == []
    return told


def test_words_are_written_and_said_in_their_order(found):
    assert found["words"] == [*SAID.split(), "Ursula"]
    assert found["spoken"] == SAID
    assert found["crosses"] == 1


def test_words_stand_in_lines_inside_their_cells(found):
    assert found["lines"] == 2
    scale = 20 / CELL
    assert max(x + w for x, _, w in found["cells"]) <= MARKS["line"] * CELL * scale
    words = [
        (cell, box) for cell, box in zip(found["cells"], found["boxes"], strict=False) if box[1]
    ]
    assert len(words) == len(SAID.split())
    for (x, _, wide), (left, width) in words:
        assert x <= left
        assert left + width <= x + wide
