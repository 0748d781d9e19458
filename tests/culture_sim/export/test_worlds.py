"""Datasets of worlds that are no grids: letters, padding, one direction, and no rules at all."""

import numpy as np
import pytest
from huggingface_hub import DatasetCard
from rich.console import Console

from culture_sim.export.dataset import Export, write_dataset
from culture_sim.export.quizzes import draw_task
from culture_sim.export.text import to_text, verify
from culture_sim.export.verify_quiz import verify as compare
from tests.helpers.copy_world import CopyWorld
from tests.helpers.exporting import drawn_from
from world import QuizBatch, Stream, UserError
from world.birds import BirdsWorld
from world.brackets import BracketsWorld
from world.names import NamesWorld
from world.strings import StringsWorld

STRINGS, COPIES, BRACKETS = StringsWorld(), CopyWorld(), BracketsWorld(length=12)
NAMES = NamesWorld()


def written(world, out):
    write_dataset(Export(("--preset", "none"), world, None, 600, 3, text=True), out, Console())
    return out


@pytest.mark.parametrize(
    "world", [STRINGS, COPIES, BRACKETS, NAMES], ids=["strings", "copy", "brackets", "names"]
)
def test_rows_are_the_worlds_quizzes(world, tmp_path, load):
    folder = written(world, tmp_path / "out")
    rows = load(folder, f"world-{world.tasks[1]}", split="test")
    batch = draw_task(world, 3, "test", 1, 0, len(rows))
    assert np.array_equal(drawn_from(rows).tokens, batch.tokens)
    assert rows.features["layout"].names == [layout.name for layout in world.layouts]
    assert rows.features["task"].names == list(world.tasks)
    plain = world.arrange(batch, 0).tokens
    names = world.layouts[0].name.split(",")
    for name, piece in zip(names, world.view.pieces, strict=True):
        assert np.array_equal(rows.with_format("numpy")[name], plain[:, piece.cells])
    text = DatasetCard.load(folder / "README.md").text
    assert ", ".join(world.vocab) in text
    assert ("no rules that could judge" in text) == (world is COPIES)


def test_a_string_is_written_without_what_follows_its_end():
    batch = STRINGS.for_exam(STRINGS.draw(Stream(1, "text"), 0, 200, "test"))
    prompts, completions = to_text(STRINGS, batch)
    for i, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        asked = STRINGS.layouts[batch.layout[i]].parts[-1]
        cells = STRINGS.arrange(batch[i : i + 1], 0).tokens[0][STRINGS.view.pieces[asked].cells]
        assert completion == " ".join(STRINGS.vocab[value] for value in cells if value)
        assert prompt.startswith(
            "One rule f makes f(x) of x and f(z) of z. Write the last string, its cells as letters "
            "with spaces between them, and nothing else.\n"
        )
        assert prompt.endswith(f"{STRINGS.view.pieces[asked].name}:\n")


def test_rules_judge_strings():
    batch = STRINGS.for_exam(STRINGS.draw(Stream(2, "text"), 0, 200, "test"))
    texts = zip(*to_text(STRINGS, batch), batch.task.tolist(), strict=True)
    for prompt, completion, task in texts:
        name = STRINGS.tasks[task]
        letters = completion.split()
        other = "b" if letters[-1] == "a" else "a"
        assert verify(STRINGS, name, prompt, f" {completion} \n").correct
        assert not verify(STRINGS, name, prompt, " ".join([*letters[:-1], other])).correct
        assert not verify(STRINGS, name, prompt, f"{completion} a").correct
        assert "malformed" in verify(STRINGS, name, prompt, f"{completion}!").reason
        label = prompt.rpartition("\n\n")[2]
        for said in (
            f"{label}{completion}",
            f"I think it is\n\n```\n{completion}\n```\n",
            f"The answer: {completion}",
            f"The answer is {letters}.",
            f"x: a b\nf(x): b a\nAnswer: {completion}",
        ):
            assert verify(STRINGS, name, prompt, said).correct, said
            assert compare(said, completion).correct
            assert not verify(STRINGS, name, prompt, said, strict=True).correct
        assert compare(completion, completion) == (True, 0, "right")
        assert compare(" ".join([*letters[:-1], other]), completion).wrong_tokens == 1
        assert not compare(f"{completion} a", completion).correct


def test_rules_judge_verdicts():
    batch = BRACKETS.for_exam(BRACKETS.draw(Stream(2, "text"), 0, 100, "test"))
    texts = zip(*to_text(BRACKETS, batch), batch.task.tolist(), strict=True)
    for prompt, completion, task in texts:
        assert completion == "YN"[task]
        assert "string:\n" in prompt
        for said, right in ((completion, True), ("NY"[task], False)):
            for text in (said, f"The verdict: {said}"):
                assert verify(BRACKETS, BRACKETS.tasks[task], prompt, text).correct == right
    cancelling = BracketsWorld(length=8, scratch="cancel")
    batch = cancelling.draw(Stream(2, "text"), 0, 50, "test")
    texts = zip(*to_text(cancelling, batch), batch.task.tolist(), strict=True)
    for prompt, completion, task in texts:
        name = cancelling.tasks[task]
        assert verify(cancelling, name, prompt, completion, strict=True).correct
        assert not verify(cancelling, name, prompt, f"& {completion}", strict=True).correct


def test_rules_judge_sentences():
    batch = NAMES.for_exam(NAMES.draw(Stream(2, "text"), 0, 60, "test"))
    texts = zip(*to_text(NAMES, batch), batch.task.tolist(), strict=True)
    for prompt, completion, task in texts:
        name = NAMES.tasks[task]
        assert "its cells as words with spaces" in prompt
        _, sentence = prompt.split("sentence:\n")
        words = sentence.split()
        assert words[-1] == "answer:"
        assert "." not in sentence
        assert (completion in words) == (name != "abc")
        assert verify(NAMES, name, prompt, completion, strict=True).correct
        assert verify(NAMES, name, prompt, f"The answer: {completion}").correct
        assert not verify(NAMES, name, prompt, "Mary" if completion != "Mary" else "John").correct


def test_rules_agree_with_the_world_on_who_obeys_them():
    batch = STRINGS.draw(Stream(4, "text"), 0, 200, "test")
    for task, name in enumerate(STRINGS.tasks):
        assert np.array_equal(STRINGS.follows(batch, name), batch.task == task)
    broken = batch.tokens.copy()
    broken[:, STRINGS.codec.starts[3]] = broken[:, STRINGS.codec.starts[3]] % STRINGS.letters + 1
    wrong = QuizBatch(broken, batch.layout, batch.task)
    for name in STRINGS.tasks:
        assert not (STRINGS.follows(wrong, name) & STRINGS.follows(batch, name)).any()


def test_birds_are_judged_by_how_they_fly_in_both_directions():
    world = BirdsWorld()
    batch = world.for_exam(world.draw(Stream(5, "text"), 0, 40, "test"))
    prompts, completions = to_text(world, batch)
    for prompt, completion in zip(prompts, completions, strict=True):
        assert "every bird flies 2 steps" in prompt
        assert verify(world, "apart", prompt, completion).correct
        first, *rest = completion.splitlines()
        moved = "\n".join([*rest, first])
        assert not verify(world, "apart", prompt, moved).correct


def test_a_world_without_rules_cannot_judge():
    prompts, completions = to_text(COPIES, COPIES.draw(Stream(1, "text"), 0, 1, "test"))
    assert compare(completions[0], completions[0]).correct
    with pytest.raises(UserError, match="'copy' has no rules to judge by"):
        verify(COPIES, "copy", prompts[0], completions[0])
