"""JSON as other programs read it: without the bare words that Python writes for NaN."""

import json


def strict(text):
    """What a text holds; raises ValueError for a number that JSON has no name for."""

    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def assert_valid(folder):
    """Every JSON file under a folder, and every line of its JSONL files, is JSON."""
    files = [*folder.rglob("*.json"), *folder.rglob("*.jsonl")]
    assert files
    for path in files:
        text = path.read_text()
        for part in text.splitlines() if path.suffix == ".jsonl" else [text]:
            strict(part)
