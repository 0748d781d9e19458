"""Text is read and written in UTF-8, whatever a machine takes for its own encoding."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("world", "agents", "sae", "culture_sim")
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
TEXT = {"read_text": 0, "write_text": 1}
"""Methods that read or write text, with the place of the encoding among their arguments."""


def unsaid(source: str) -> list[int]:
    """Lines that read or write text in an encoding that they do not name."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in TEXT
        and len(node.args) <= TEXT[node.func.attr]
        and not any(keyword.arg == "encoding" for keyword in node.keywords)
    ]


def test_the_encoding_is_named():
    found = {str(file.relative_to(ROOT)): unsaid(file.read_text("utf-8")) for file in FILES}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_one_that_is_not_is_found():
    source = 'a.read_text()\na.read_text("utf-8")\na.write_text(b)\na.write_text(b, "utf-8")'
    assert unsaid(source) == [1, 3]
