"""Quizzes as text, and the verifiers that judge answers in text."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from culture_sim.export.text import parse_prompt, to_text, verify
from culture_sim.export.verify_quiz import MalformedError, parse_rows
from culture_sim.export.verify_quiz import verify as compare
from tests.helpers.exporting import WORLD
from world import Stream
from world.grids.painting.task import tasks
from world.grids.world import GridsWorld

FRAMES = GridsWorld(tasks=("frame",))
NAMES = ("A", "f(A)", "B", "f(B)")


def parse_grid(text):
    return np.array(parse_rows(text, True), dtype=np.int64).tolist()


@pytest.fixture(params=tasks)
def task(request):
    return request.param


def quizzes_as_text(world, name, count=64):
    batch = world.draw(Stream(3, f"text/{name}"), 0, count, "test")
    layout = np.resize(np.array(world.answer_layouts, dtype=np.uint8), count)
    batch = world.arrange(batch, layout)
    return batch, *to_text(world, batch)


def test_text_says_what_the_grids_do(written, load):
    texts, rows = load(written, "text", split="sae"), load(written, "world", split="sae")
    orders = rows.features["layout"].names
    for text, row in zip(texts, rows, strict=True):
        assert text["hash"] == row["hash"]
        assert text["task"] == WORLD.tasks[row["task"]]
        *_, asked = order = orders[row["layout"]].split(",")
        labels = [f"f({name[1]})" if name[0] == "f" else name for name in order]
        assert re.findall(r"^(.+):$", text["prompt"], re.M) == labels
        assert parse_grid(text["completion"]) == row[asked]
        shown, label = parse_prompt(text["prompt"], NAMES)
        assert label == labels[-1]
        assert [*map(parse_grid, shown.values())] == [row[part] for part in order[:-1]]


@pytest.mark.slow
def test_more_colours_than_digits_are_written_as_numbers():
    world = GridsWorld(colours=30, tasks=("frame",))
    batch, prompts, completions = quizzes_as_text(world, "frame")
    assert batch.tokens[:, :10].max() > 9
    for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        assert (
            parse_grid(completion) == batch.tokens[i, -world.codec.cells :].reshape(6, 6).tolist()
        )
        assert verify(world, "frame", prompt, completion).correct


def test_verifiers_accept_right_answers_and_no_other(task):
    world, rng = GridsWorld(tasks=(task,)), np.random.default_rng(1)
    _, prompts, completions = quizzes_as_text(world, task)
    for prompt, completion in zip(prompts, completions, strict=True):
        for answer in (completion, f"\n{completion}  \n\n"):
            assert compare(answer, completion) == (True, 0, "right")
            assert verify(world, task, prompt, answer).correct
        wrong = np.array(parse_grid(completion))
        cell = rng.integers(6, size=2)
        wrong[tuple(cell)] = (wrong[tuple(cell)] + rng.integers(1, 7)) % 7
        text = "\n".join(" ".join(map(str, row)) for row in wrong)
        assert compare(text, completion) == (False, 1, "1 cells wrong")
        assert not verify(world, task, prompt, text).correct
        other = completions[(completions.index(completion) + 1) % len(completions)]
        assert compare(other, completion).correct == (other == completion)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda _: "", "empty"),
        (lambda _: " \n\n ", "empty"),
        (lambda text: text[: text.rindex("\n")], "malformed"),
        (lambda text: f"{text}\n{text}", "malformed"),
        (lambda text: text.rsplit(" ", 1)[0], "malformed"),
        (lambda text: text.replace(text[0], "x", 1), "malformed"),
        (lambda text: text.replace(text[0], "-1", 1), "malformed"),
        (lambda text: text.replace(text[0], "1.0", 1), "malformed"),
        (lambda text: text.replace(text[0], "\u0660", 1), "malformed"),
        (lambda text: text.replace(text[0], "9" * 5000, 1), "malformed"),
        (lambda text: f"The answer is:\n{text}", "malformed"),
        (lambda text: f"{text}\nThat is the answer.", "malformed"),
        (lambda text: text.replace(" ", ""), "malformed"),
        (lambda text: f"```\n{text}\n```", "malformed"),
        (lambda text: str(parse_grid(text)), "malformed"),
    ],
)
def test_malformed_answers_are_wrong(damage, says):
    _, prompts, completions = quizzes_as_text(FRAMES, "frame", 8)
    for prompt, completion in zip(prompts, completions, strict=True):
        for found in (
            compare(damage(completion), completion),
            verify(FRAMES, "frame", prompt, damage(completion)),
        ):
            assert not found.correct
            assert found.wrong_tokens is None
            assert says in found.reason


@given(st.text(alphabet="0123 \n-x", max_size=60))
def test_no_answer_breaks_a_verifier(text):
    prompt, completion = EXAMPLE
    for found in (compare(text, completion), verify(FRAMES, "frame", prompt, text)):
        assert not found.correct


EXAMPLE = [column[0] for column in quizzes_as_text(FRAMES, "frame", 1)[1:]]


@given(st.lists(st.integers(0, 6), min_size=36, max_size=36), st.sampled_from(list(tasks)))
def test_any_grid_is_judged(cells, task):
    text = "\n".join(" ".join(map(str, cells[i : i + 6])) for i in range(0, 36, 6))
    prompt, _ = EXAMPLE
    assert verify(FRAMES, task, prompt, text).correct in (True, False)


def test_what_is_no_prompt_is_refused():
    with pytest.raises(MalformedError, match="a prompt shows all but one of"):
        verify(FRAMES, "frame", "What is 2 + 2?", "4")


@pytest.mark.slow
def test_the_verifier_runs_alone_in_the_folder(written, load, tmp_path):
    """Copied away from the project, by an interpreter without site-packages."""
    rows = load(written, "text", split="test")
    answers = [row["completion"] for row in rows]
    answers[0], answers[1] = "nonsense", answers[1].replace("0", "6", 1)
    lines = [
        json.dumps({"prediction": answer, "completion": row["completion"], "task": row["task"]})
        for answer, row in zip(answers, rows, strict=True)
    ]
    (tmp_path / "predictions.jsonl").write_text("\n".join(lines) + "\n")
    shutil.copy(written / "verify_quiz.py", tmp_path)

    def run(*arguments):
        command = [sys.executable, "-I", "-S", "verify_quiz.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("predictions.jsonl")
    assert done.returncode == 0, done.stderr
    said = [re.split(r"\s{2,}", line) for line in done.stdout.splitlines()]
    assert ["all", "298 of 300 right (99.3%), 1 malformed"] in said
    assert ["detect", "148 of 150 right (98.7%), 1 malformed"] in said or (
        ["frame", "148 of 150 right (98.7%), 1 malformed"] in said
    )
    (tmp_path / "bad.jsonl").write_text('{"prediction": "0"}\n')
    for arguments in (["none.jsonl"], ["bad.jsonl"], []):
        failed = run(*arguments)
        assert failed.returncode == 2
        assert failed.stderr.count("\n") == 1
