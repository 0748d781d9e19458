"""Frames read as birds: in batches, one by one, and by trying every bird."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.slow_birds import SlowBird, every_bird, fly, painted, seen
from world.birds.flight import Sky
from world.birds.reading import read
from world.birds.verifier import (
    Bird,
    Verdict,
    answers,
    as_frame,
    birds_in,
    judge,
    overlap,
)

HEIGHT, WIDTH, COLOURS = 6, 8, 6
SKY = Sky(HEIGHT, WIDTH)
STATES = [SlowBird(*state) for state in SKY.states.tolist()]


def random_frames(count, birds, seed=0):
    """Frames of birds wherever they are, and the birds by colour."""
    rng = np.random.default_rng(seed)
    flocks = []
    for _ in range(count):
        colours = sorted(rng.permutation(COLOURS)[:birds] + 1)
        chosen = rng.integers(len(STATES), size=birds)
        flocks.append({int(c): STATES[s] for c, s in zip(colours, chosen, strict=True)})
    return [painted(flock, HEIGHT, WIDTH) for flock in flocks], flocks


def random_cells(count, seed=0):
    """Frames that show nothing in particular, few cells of each."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(1, COLOURS + 1, size=(count, HEIGHT, WIDTH))
    return (cells * (rng.random(cells.shape) < 0.08)).tolist()


FRAMES = [*random_frames(60, 2)[0], *random_frames(60, 4)[0], *random_cells(60)]


@pytest.fixture(scope="module")
def reading():
    return read(SKY, np.array(FRAMES, dtype=np.uint8).reshape(len(FRAMES), -1), COLOURS)


def test_all_three_readings_agree(reading):
    shown = 0
    for row, frame in enumerate(FRAMES):
        tried = seen(frame)
        for colour in range(1, COLOURS + 1):
            fits = [STATES[s] for s in np.flatnonzero(reading.fits[row, colour - 1])]
            assert fits == tried.get(colour, [])
        found = birds_in(as_frame(frame))
        good = bool(tried) and all(tried.values())
        shown += good
        assert (found is not None) == good
        if found is not None:
            assert {c: sorted(birds) for c, birds in found.items()} == {
                c: sorted(map(tuple, birds)) for c, birds in tried.items()
            }
        assert reading.told[row] == (good and all(len(birds) == 1 for birds in tried.values()))
    assert 120 <= shown < 140  # nearly all frames of birds, and hardly any other


def test_cells_that_are_hidden_are_counted(reading):
    for row, (frame, flock) in enumerate(zip(*random_frames(60, 2), strict=True)):
        cells = [cell for bird in flock.values() for cell in bird.cells()]
        if len({value for line in frame for value in line} - {0}) == 2:
            assert reading.hidden[row] == len(cells) - len(set(cells))
            assert overlap(as_frame(frame)) == (reading.hidden[row] > 0)


def test_an_empty_frame_shows_nothing():
    empty = np.zeros((1, SKY.cell_count), dtype=np.uint8)
    assert not read(SKY, empty, COLOURS).told[0]
    assert birds_in(as_frame(empty.reshape(HEIGHT, WIDTH).tolist())) is None
    assert answers(as_frame(empty.reshape(HEIGHT, WIDTH).tolist()), 2) == []
    assert len(read(SKY, empty[:0], COLOURS).told) == 0


def test_hidden_states_are_a_set():
    """Of 29 % of all ways in which a bird lies over another, the lower one's state is open."""
    birds = every_bird(HEIGHT, WIDTH)
    rows, unseen, open_ = 0, 0, 0
    for upper in birds:
        for lower in birds:
            if not set(upper.cells()) & set(lower.cells()):
                continue
            rows += 1
            found = birds_in(as_frame(painted({1: lower, 2: upper}, HEIGHT, WIDTH)))
            assert found is not None
            assert found[2] == [upper]
            assert 1 not in found or lower in found[1]
            unseen += 1 not in found
            open_ += len(found.get(1, [])) > 1
    assert open_ / rows == pytest.approx(0.29, abs=0.0005)
    assert unseen == len(birds)  # those that lie where the other does


def test_answers_are_all_that_a_frame_may_lead_to():
    frames, flocks = random_frames(200, 3, seed=1)
    several = 0
    for frame, flock in zip(frames, flocks, strict=True):
        later = {c: fly(bird, 2, HEIGHT, WIDTH)[0] for c, bird in flock.items()}
        found = answers(as_frame(frame), 2)
        assert len(found) == len(set(found))
        several += len(found) > 1
        if len(seen(frame)) == 3:
            assert as_frame(painted(later, HEIGHT, WIDTH)) in found
    assert 10 < several < 150


def frame(*birds):
    return as_frame(painted(dict(enumerate(birds, 1)), HEIGHT, WIDTH))


HIGH, LOW = SlowBird(1, 1, 1, 1), SlowBird(4, 5, -1, 1)
HIGH_LATER, LOW_LATER = SlowBird(3, 3, 1, 1), SlowBird(2, 7, -1, 1)


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        (frame(HIGH, LOW), frame(HIGH_LATER, LOW_LATER), Verdict.RIGHT),
        (frame(HIGH), frame(HIGH_LATER), Verdict.RIGHT),
        (frame(HIGH, LOW), frame(LOW_LATER, HIGH_LATER), Verdict.WRONG),  # colours exchanged
        (frame(HIGH, LOW), frame(HIGH_LATER), Verdict.WRONG),  # one is gone
        (frame(HIGH_LATER), frame(HIGH), Verdict.WRONG),
        (frame(HIGH), frame(), Verdict.NO_BIRDS),
        (frame(), frame(HIGH_LATER), Verdict.NO_BIRDS),
        (frame(HIGH), ((1,) * WIDTH,) * HEIGHT, Verdict.NO_BIRDS),
        # Of the lower bird one cell is seen, with which it may head in several ways.
        (
            frame(SlowBird(1, 1, 1, 1), SlowBird(1, 2, 1, 1)),
            frame(SlowBird(3, 3, 1, 1), SlowBird(3, 4, 1, 1)),
            Verdict.RIGHT,
        ),
        (
            frame(SlowBird(1, 1, 1, 1), SlowBird(1, 1, 1, -1)),
            frame(SlowBird(3, 3, 1, 1), SlowBird(2, 0, 1, -1)),
            Verdict.WRONG,
        ),
    ],
)
def test_verdicts(first, last, verdict):
    assert judge(first, last, 2) is verdict


def test_a_quiz_with_two_answers_is_ambiguous():
    """Whatever bird is hidden so that its state is open, some quiz with it is ambiguous."""
    verdicts = set()
    for upper in STATES[::9]:
        for lower in STATES[::4]:
            first = frame(lower, upper)
            last = frame(*(fly(bird, 2, HEIGHT, WIDTH)[0] for bird in (lower, upper)))
            found = judge(first, last, 2)
            verdicts.add(found)
            one_each = all(
                len(seen(each)) == 2 and all(len(birds) == 1 for birds in seen(each).values())
                for each in (first, last)
            )
            if one_each:
                assert found is Verdict.RIGHT
    assert verdicts >= {Verdict.RIGHT, Verdict.AMBIGUOUS}


def test_a_bird_of_the_verifier_is_a_tuple_of_its_state():
    assert Bird(1, 2, -1, 1).cells == {(1, 2), (2, 2), (1, 1)}
