"""What an agent is given to learn from: which quizzes, with which weights, and in what pieces."""

import threading
import time
from functools import partial

import numpy as np
import pytest
import torch
from accelerate import Accelerator

import agents.training
from agents.config import ModelConfig, TrainConfig
from agents.optimizers import COOLEST, cooled
from agents.training import WEIGHT_FLOOR, Learner, mixed_draw, task_weights_for
from world import Stream
from world.core.errors import UserError
from world.grids.world import GridsWorld

WORLD = GridsWorld(tasks=("frame", "detect", "contact"))
TINY = ModelConfig(d_model=16, n_layers=1, n_heads=1, d_mlp=16)


def test_task_weights_follow_the_error():
    task_weights = task_weights_for(
        {"frame": 1.0, "detect": 0.75}, WORLD.tasks, error_weighting=0.5
    )
    assert task_weights == pytest.approx([WEIGHT_FLOOR, 0.5 + WEIGHT_FLOOR, 1.0 + WEIGHT_FLOOR])
    assert len(set(task_weights_for({"frame": 1.0}, WORLD.tasks, error_weighting=0.0))) == 1


def test_an_error_weighting_below_zero_is_refused():
    with pytest.raises(UserError, match=r"error_weighting must be 0 or more and finite, got -1"):
        TrainConfig(error_weighting=-1)


def test_tasks_are_drawn_by_their_task_weights():
    task_weights, count = [1.0, 3.0, 0.0], 8192
    drawn = mixed_draw(WORLD, Stream(0, "odds"), task_weights=task_weights)(0, count)
    shares = np.bincount(drawn.task, minlength=3) / count
    # The split takes the same share of every task up to chance, and of a block as much as fits.
    assert shares == pytest.approx([0.25, 0.75, 0.0], abs=5 * (0.25 * 0.75 / count) ** 0.5)


def test_equal_task_weights_are_no_task_weights_in_distribution():
    drawn = [
        mixed_draw(WORLD, Stream(0, "odds"), task_weights=task_weights)(0, 8192)
        for task_weights in (None, [2] * 3)
    ]
    shares = [np.bincount(batch.task) / 8192 for batch in drawn]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def learner(**options):
    config = TrainConfig(epoch_quizzes=320, batch_size=32, precision="fp32", **options)
    return Learner(TINY, config, WORLD, Stream(0, "", agent=1), Accelerator(cpu=True))


def test_an_epoch_is_learned_in_pieces_and_every_quiz_of_it_once(monkeypatch):
    """The last piece is the shorter one; draws are by index, one after the other."""
    monkeypatch.setattr(agents.training, "PIECE_STEPS", 4)
    subject, asked = learner(), []

    def draw(start, count):
        asked.append((start, count))
        return mixed_draw(WORLD, subject.stream)(start, count)

    quizzes = [progress.quizzes for progress in subject.train_epoch(draw)]
    assert quizzes == list(range(32, 321, 32))
    assert asked == [(0, 128), (128, 128), (256, 64)]
    assert subject.steps == 10


def test_what_fails_while_a_piece_is_prepared_is_raised():
    subject = learner()

    def draw(start, count):
        raise UserError("no quizzes left")

    with pytest.raises(UserError, match="no quizzes left"):
        next(subject.train_epoch(draw))


def test_an_epoch_left_early_leaves_no_thread(monkeypatch):
    monkeypatch.setattr(agents.training, "PIECE_STEPS", 2)
    subject = learner()
    epoch = subject.train_epoch(mixed_draw(WORLD, subject.stream))
    before = threading.active_count()
    next(epoch)
    assert threading.active_count() > before
    epoch.close()
    assert threading.active_count() == before
    assert subject.quizzes == 32


def test_the_rate_of_drawing_changes_nothing(monkeypatch):
    """The same weights whether a piece is ready long before or long after it is wanted."""
    weights = []
    for pause in (0.0, 0.05):
        subject = learner()
        drawn = mixed_draw(WORLD, subject.stream)

        def draw(start, count, drawn=drawn, pause=pause):
            time.sleep(pause)
            return drawn(start, count)

        for _ in subject.train_epoch(draw):
            pass
        weights.append(subject.averaged.state_dict())
    assert all(weights[0][key].equal(weights[1][key]) for key in weights[0])


def test_rates_fall_with_the_root_of_a_small_error():
    assert [cooled(accuracy, 0.3) for accuracy in (0.0, 0.7)] == [1.0, pytest.approx(1.0)]
    assert cooled(0.9, 0.3) == pytest.approx((0.1 / 0.3) ** 0.5)
    assert [cooled(accuracy, 0.3) for accuracy in (0.99, 1.0)] == [COOLEST, COOLEST]
    assert [cooled(accuracy, 0.0) for accuracy in (0.0, 1.0)] == [1.0, 1.0]


def test_an_epoch_has_the_rates_of_its_accuracy():
    subject = learner(warmup_steps=0)
    for accuracy in (0.0, 0.9):
        for _ in subject.train_epoch(mixed_draw(WORLD, subject.stream), accuracy):
            pass
        share = cooled(accuracy, subject.config.cooling)
        rates = {name: o.param_groups[0]["lr"] for name, o in subject.optimizers.items()}
        assert rates == {"muon": pytest.approx(0.008 * share), "adamw": pytest.approx(3e-3 * share)}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, in torch
@pytest.mark.usefixtures("unchecked")
def test_compiled_training_is_the_same_training(monkeypatch):
    """Up to rounding; and what is compiled shares its weights with what is saved.

    The forward and backward pass are captured as they are for any device; what is then generated
    for a processor, by a C++ compiler in half a minute, says nothing of what is for a GPU.
    """
    monkeypatch.setattr("torch.compile", partial(torch.compile, backend="aot_eager"))
    subjects = [learner(compile=choice) for choice in ("off", "on")]
    for subject in subjects:
        for step, _ in enumerate(subject.train_epoch(mixed_draw(WORLD, subject.stream))):
            if step == 2:
                break
    plain, fast = (subject.model.state_dict() for subject in subjects)
    assert plain.keys() == fast.keys()
    for key in plain:
        torch.testing.assert_close(plain[key], fast[key], rtol=1e-3, atol=1e-4)
