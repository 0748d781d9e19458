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
from culture_sim.export.verify_quiz import MalformedError, parse_rows, reward, strict_reward
from culture_sim.export.verify_quiz import verify as compare
from tests.helpers.exporting import WORLD
from tests.helpers.grid_sizes import with_room
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
    world, rng = GridsWorld(tasks=(task,), **with_room(task)), np.random.default_rng(1)
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
def test_malformed_answers_are_wrong_where_strict(damage, says):
    _, prompts, completions = quizzes_as_text(FRAMES, "frame", 8)
    for prompt, completion in zip(prompts, completions, strict=True):
        for found in (
            compare(damage(completion), completion, strict=True),
            verify(FRAMES, "frame", prompt, damage(completion), strict=True),
        ):
            assert not found.correct
            assert found.wrong_tokens is None
            assert says in found.reason


def as_array(text):
    rows = [f"[{row}]" for row in text.splitlines()]
    return "[" + "\n ".join(rows) + "]"


AROUND = {
    "alone": lambda text: text,
    "fence": lambda text: f"```\n{text}\n```",
    "fence with a language": lambda text: f"Here it is:\n\n```text\n{text}\n```\nThat is it.",
    "label": lambda text: f"f(B):\n{text}",
    "label and a blank line": lambda text: f"**The answer is:**\n\n{text}\n\nI am 95 % sure.",
    "label in the line": lambda text: f"Answer: {text}",
    "indented": lambda text: "\n".join(f"    {row}" for row in text.splitlines()),
    "commas": lambda text: text.replace(" ", ", "),
    "nested lists": lambda text: f"The answer is {parse_grid(text)}.",
    "nested lists, a row a line": lambda text: str(parse_grid(text)).replace("], ", "],\n "),
    "JSON": lambda text: json.dumps({"answer": parse_grid(text), "sure": 0.9}, indent=1),
    "NumPy": as_array,
    "array": lambda text: f"array({parse_grid(text)}, dtype=uint8)",
    "table": lambda text: "\n".join(f"| {row.replace(' ', ' | ')} |" for row in text.splitlines()),
    "rows with names": lambda text: "\n".join(
        f"Row {k}: {row}" for k, row in enumerate(text.splitlines(), 1)
    ),
    "thoughts": lambda text: f"<think>\n0 0\n0 0\n1 2 3 4 5\n</think>\n{text}",
    "other grids before": lambda text: f"A:\n{text[::-1]}\n\nB:\n{text[::-1]}\n\nf(B):\n{text}",
    "other numbers after": lambda text: f"{text}\n\nConfidence: 0.9\n\n9\n\n1 2 3",
}


@pytest.mark.parametrize("around", AROUND)
def test_an_answer_is_found_in_what_is_said_around_it(around):
    _, prompts, completions = quizzes_as_text(FRAMES, "frame", 8)
    for prompt, completion in zip(prompts, completions, strict=True):
        said = AROUND[around](completion)
        for message in (said, [{"role": "assistant", "content": said}]):
            assert compare(message, completion) == (True, 0, "right")
            assert verify(FRAMES, "frame", prompt, message).correct
        strictly = around in ("alone", "indented")
        assert compare(said, completion, strict=True).correct == strictly
        assert verify(FRAMES, "frame", prompt, said, strict=True).correct == strictly
        wrong = AROUND[around](f"{(int(completion[0]) + 1) % 7}{completion[1:]}")
        assert compare(wrong, completion).wrong_tokens == 1
        assert not verify(FRAMES, "frame", prompt, wrong).correct


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda _: " \n\n ",
        lambda _: "I do not know.",
        lambda text: text[: text.rindex("\n")],
        lambda text: f"{text}\n{text}",
        lambda text: text.rsplit(" ", 1)[0],
        lambda text: text.replace(" ", ""),
        lambda text: text.replace(text[0], "x", 1),
    ],
)
def test_what_holds_no_answer_is_wrong(damage):
    _, prompts, completions = quizzes_as_text(FRAMES, "frame", 8)
    for prompt, completion in zip(prompts, completions, strict=True):
        assert not compare(damage(completion), completion).correct
        assert not verify(FRAMES, "frame", prompt, damage(completion)).correct


def test_of_several_answers_the_last_counts():
    """To write down every possible answer is not to answer."""
    _, prompts, completions = quizzes_as_text(FRAMES, "frame", 8)
    answer = completions[0]
    wrong = next(other for other in completions if other != answer)
    for said, right in ((f"{wrong}\n\n{answer}", True), (f"{answer}\n\n{wrong}", False)):
        assert compare(said, answer).correct == right
        assert verify(FRAMES, "frame", prompts[0], said).correct == right


def test_the_prompt_says_what_to_write():
    _, prompts, _ = quizzes_as_text(FRAMES, "frame", 1)
    assert prompts[0].startswith(
        "One rule f makes f(A) of A and f(B) of B. Write the last grid, a row a line, its cells as "
        "numbers with spaces between them, and nothing else.\n\n"
    )


# Rewards


def messages(role, text, parts):
    return [{"role": role, "content": [{"type": "text", "text": text}] if parts else text}]


CHATS = {
    "text": (lambda text: text, lambda text: text),
    "chat": (lambda t: messages("user", t, False), lambda t: messages("assistant", t, False)),
    "parts": (lambda t: messages("user", t, True), lambda t: messages("assistant", t, True)),
}


def called_as_by_trl(function, rows, said):
    """A call as ``GRPOTrainer._calculate_rewards`` makes it: see TRL 1.16."""
    kept = [name for name in rows[0] if name not in ("prompt", "completion", "completion_ids")]
    columns = {name: [row[name] for row in rows] for name in kept}
    return function(
        prompts=[row["prompt"] for row in rows],
        completions=said,
        completion_ids=[[0]] * len(rows),
        **columns,
        trainer_state=None,
        log_extra=None,
        log_metric=None,
    )


@pytest.mark.parametrize("chat", CHATS)
def test_the_rewards_are_called_as_trl_does(written, load, chat):
    asked, answered = CHATS[chat]
    rows = [*load(written, "text", split="test").select(range(6))]
    answers = [row["completion"] for row in rows]
    said = [answers[0], f"```\n{answers[1]}\n```", answers[0] + "\n0", "", "no", answers[5]]
    rows = [{**row, "prompt": asked(row["prompt"])} for row in rows]
    said = [*map(answered, said)]
    assert called_as_by_trl(reward, rows, said) == [1, 1, 0, 0, 0, 1]
    assert called_as_by_trl(strict_reward, rows, said) == [1, 0, 0, 0, 0, 1]
    by_rule = [verify(WORLD, r["task"], r["prompt"], s) for r, s in zip(rows, said, strict=True)]
    assert [found.correct for found in by_rule] == [True, True, False, False, False, True]


def test_a_message_without_text_is_no_answer():
    for said in (None, [], {}, [{"role": "assistant", "content": None}], [{"role": "tool"}], 7):
        assert not compare(said, EXAMPLE[1]).correct


@given(st.text(alphabet="0123 \n-x[],:`", max_size=80))
def test_no_answer_breaks_a_verifier(text):
    prompt, completion = EXAMPLE
    for strict in (False, True):
        for found in (
            compare(text, completion, strict),
            verify(FRAMES, "frame", prompt, text, strict),
        ):
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
    assert run("--strict", "predictions.jsonl").stdout == done.stdout
    (tmp_path / "bad.jsonl").write_text('{"prediction": "0"}\n')
    for arguments in (["none.jsonl"], ["bad.jsonl"], []):
        failed = run(*arguments)
        assert failed.returncode == 2
        assert failed.stderr.count("\n") == 1
