"""Published culture: which of its quizzes can be culture here, and why others cannot."""

import random

import numpy as np
import pytest
import torch

from culture_sim.imports.culture import dropped, read_culture, sift
from culture_sim.presets.faithful import faithful
from tests.helpers.published import in_tokens, reordered, write_culture
from tests.helpers.slow_source import DRAWERS
from world import Stream
from world.core.errors import UserError

WORLD = faithful().world
NO_EXAM = WORLD.draw(Stream(0, "none"), 0, 0, "test")


def some(count, seed=0):
    rng = random.Random(seed)
    return in_tokens([DRAWERS["frame"](rng) for _ in range(count)])


def read(folder, train, test):
    return read_culture(write_culture(folder / "c_quizzes.pth", train, test), WORLD)


def test_rounds_are_the_places_of_the_tensors(tmp_path):
    quizzes = some(9)
    found = read(tmp_path, [quizzes[:3], quizzes[3:5]], [quizzes[5:6], quizzes[6:9]])
    rounds = sift(found, WORLD, NO_EXAM)
    assert [each.held_out.tolist() for each in rounds] == [
        [False] * 3 + [True],
        [False] * 2 + [True] * 3,
    ]
    assert (rounds[1].quizzes.tokens == quizzes[[3, 4, 6, 7, 8]]).all()
    assert dropped(rounds) == {}
    assert (rounds[0].hashes == WORLD.canonical_hash(rounds[0].quizzes)).all()


def test_what_cannot_be_culture_is_dropped_and_counted(tmp_path):
    quizzes = some(12)
    label, trivial = quizzes[1].copy(), quizzes[2].copy()
    label[50] = 12
    trivial[102:202] = trivial[1:101]
    disguised = np.where((quizzes[3] > 0) & (quizzes[3] < 11), quizzes[3] % 10 + 1, quizzes[3])
    first = np.stack([quizzes[0], label, trivial, quizzes[3], disguised, quizzes[4]])
    other_order = reordered(quizzes[5:6], (1, 0, 3, 2))
    second = np.concatenate([other_order, quizzes[6:9]])
    # A quiz for tests that was trained on in a later round is one to train on.
    tests = [np.stack([quizzes[6], quizzes[9]]), quizzes[10:12]]
    found = read(tmp_path, [first, second], tests)
    exam = sift(found, WORLD, NO_EXAM)[0].quizzes[-1:]  # quiz 9
    rounds = sift(found, WORLD, exam)
    assert [len(each.quizzes) for each in rounds] == [3, 5]
    assert rounds[0].dropped == {
        "a label in a cell": 1,
        "asks for nothing": 1,
        "duplicate": 2,
        "has a pair of an examination": 1,
    }
    assert rounds[1].dropped == {"in another order than A, f(A), B, f(B)": 1}
    assert rounds[1].held_out.sum() == 2
    few = sift(found, WORLD, NO_EXAM, most=1)
    assert [len(each.quizzes) for each in few] == [2, 2]
    assert dropped(few)["more than were asked for"] == 5


REFUSED = {
    "one list": (lambda rows: ([rows],), "two lists of quizzes"),
    "no lists": (lambda rows: (rows, rows), "two lists of quizzes"),
    "other numbers": (lambda rows: ([rows.int()], []), "int64"),
    "a token that is none": (lambda rows: ([rows + 1], []), "tokens must be 0 to 14"),
    "a negative one": (lambda rows: ([rows - 1], []), "tokens must be 0 to 14"),
    "another length": (lambda rows: ([rows[:, 1:]], []), r"\[n, 404\], got \[2, 403\]"),
    "sparse": (lambda rows: ([rows.to_sparse()], []), "int64 tensor"),
    "more than is stored": (lambda rows: ([rows[:1].expand(9999, -1)], []), "must be stored"),
    "nothing": (lambda rows: ([], []), "holds no quizzes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_contents_are_refused(case, tmp_path):
    make, says = REFUSED[case]
    path = tmp_path / "c_quizzes.pth"
    torch.save(make(torch.from_numpy(some(2))), path)
    with pytest.raises(UserError, match=says) as caught:
        read_culture(path, WORLD)
    assert "\n" not in str(caught.value)


def test_a_round_of_which_nothing_is_left_is_named(tmp_path):
    quizzes = some(3)
    found = read(tmp_path, [quizzes[:2], quizzes[:2]], [])
    with pytest.raises(UserError, match=r"round 2 has no quiz .* \(2 duplicate\)"):
        sift(found, WORLD, NO_EXAM)
