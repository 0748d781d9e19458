"""Runs the Python of a page in its order, in one namespace, as a reader who types it would.

    python -m tests.helpers.page_script docs/python.md

The examples of the documentation speak of the default run; here they meet the smallest.
"""

import sys
from pathlib import Path

from tests.helpers.pages import FENCE

SMALLEST = {
    "runs/compact": "runs/smoke",
    'presets["compact"]': 'presets["smoke"]',
    "blocks.2.hook_resid_post": "blocks.1.hook_resid_post",
    "batch_topk-512": "batch_topk-64",
}
"""Names in the default run, and in the run of the preset smoke."""


def python_of(text: str) -> str:
    """The Python blocks of a page, on their lines; all other lines are empty."""
    kept = [""] * (text.count("\n") + 1)
    for block in FENCE.finditer(text):
        if block[1] == "python":
            first = text.count("\n", 0, block.start(2))
            lines = block[2].splitlines()
            kept[first : first + len(lines)] = lines
    code = "\n".join(kept)
    for name, other in SMALLEST.items():
        code = code.replace(name, other)
    return code


if __name__ == "__main__":
    page = Path(sys.argv[1])
    code = compile(python_of(page.read_text()), str(page), "exec")
    exec(code, {"__name__": "__main__"})
