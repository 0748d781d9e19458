"""Tracked runs: one for one run, whatever is resumed, killed or added to it."""

import json
import struct
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from culture_sim.launch.tracking import Tracking, tracked_name
from culture_sim.presets import presets
from culture_sim.run.run import Run
from world import UserError
from world.aliases import AliasesWorld
from world.aliases.options import TASKS

LOSS = "agent0/train/loss"


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run").mkdir()
    return Run.start(tmp_path / "run", presets["smoke"](), "smoke")


@pytest.fixture
def _offline(monkeypatch, tmp_path):
    """Weights & Biases without a network, and a current folder that is not the run's."""
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")


def learn(run, *quizzes, agent=0):
    """What an agent logs after so many quizzes, each with a loss of its own."""
    for n in quizzes:
        accuracy = {"accuracy": n / 1e4, "task": None}
        run.log("train", round=0, agent=agent, event="step", quizzes=n, loss=1 / n, valid=True)
        run.log("train", round=0, agent=agent, event="epoch", quizzes=n, validation=accuracy)


def track(run, *moments, wandb=False, killed=False):
    """A command: tracks while each moment happens."""
    tracking = Tracking(run, wandb)
    tracking.start()
    for moment in moments:
        moment()
        tracking.follow()
    if not killed:
        tracking.close()


def curves(run):
    """By curve, steps and values as TensorBoard reads them, these to 6 digits."""
    events = EventAccumulator(str(run.path / "tensorboard")).Reload()
    return {
        tag: [(event.step, round(event.value, 6)) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def steps(run, curve=LOSS):
    return [step for step, _ in curves(run)[curve]]


def test_curves_hold_what_was_logged(run):
    track(run, lambda: learn(run, 10, 20))
    run.log("sae", note="1 of 2", done=False)
    found = curves(run)
    assert found[LOSS] == [(10, 0.1), (20, 0.05)]
    assert found["agent0/train/validation_accuracy"] == [(10, 0.001), (20, 0.002)]
    assert {name.split("/")[-1] for name in found} == {
        *("round", "quizzes", "loss", "validation_accuracy"),
    }


def test_a_resumed_agent_does_not_step_back(run):
    track(run, lambda: learn(run, 10, 20, 30))
    track(run, lambda: learn(run, 20, 25, 30, 40))
    assert steps(run) == [10, 20, 30, 40]
    assert steps(run, "agent0/train/quizzes") == [10, 20, 30, 40]


def test_agents_do_not_wait_for_each_other(run):
    track(run, lambda: learn(run, 100), lambda: learn(run, 10, agent=1))
    assert steps(run) == [100]
    assert steps(run, "agent1/train/loss") == [10]


def test_a_killed_command_is_gone_on_with(run):
    """What it had no time to tell is told by the next."""
    track(run, lambda: learn(run, 10), killed=True)
    learn(run, 20)
    track(run, lambda: learn(run, 30))
    assert steps(run) == [10, 20, 30]


def test_half_a_line_is_told_when_it_is_whole(run):
    def half(text):
        with (run.path / "metrics.jsonl").open("a") as file:
            file.write(text)

    line = json.dumps({"time": 1.0, "stage": "train", "agent": 0, "quizzes": 30, "loss": 1.0})
    track(run, lambda: learn(run, 10), lambda: half(line[:20]))
    track(run, lambda: half(line[20:] + "\n"))
    assert steps(run) == [10, 30]


def test_metrics_that_were_removed_hinder_nothing(run):
    track(run, lambda: learn(run, 10))
    (run.path / "metrics.jsonl").unlink()
    track(run, lambda: learn(run, 20))
    assert steps(run) == [10, 20]


def test_a_full_disk_is_said_once(run, monkeypatch, capfd):
    tracking, hook = Tracking(run, wandb=False), threading.excepthook
    tracking.start()
    writer = tracking._tracker.writer.file_writer.event_writer._async_writer._writer

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "write", full)

    def go_on():
        for step in range(1, 100):
            learn(run, step)
            tracking.follow()
            time.sleep(0.01)

    with pytest.raises(OSError, match="No space left") as error:
        go_on()
    assert error.value.filename == str(run.path / "tensorboard")
    with suppress(OSError):  # it would write, too
        tracking._tracker.finish()
    threading.excepthook = hook
    assert "Traceback" not in capfd.readouterr().err


def test_a_damaged_record_is_named(run):
    track(run)
    (run.path / "tensorboard" / "tracked.json").write_text("{")
    with pytest.raises(UserError, match=r"tracked\.json is damaged"):
        track(run)


def records(data):
    """The records of a short file of Weights & Biases: LevelDB's log format, behind a header.

    Each is a checksum of 4 bytes, a length of 2, a type of 1 (1: a whole record), and the record.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    place = 7
    while place + 7 < min(len(data), 1 << 15):
        length, kind = struct.unpack_from("<HB", data, place + 4)
        assert kind == 1
        if place + 7 + length > len(data):
            return  # it is being written
        yield Record.FromString(data[place + 7 : place + 7 + length])
        place += 7 + length


def whole(path):
    """The records of a file that a process of its own writes, which may end a moment later."""
    until = time.monotonic() + 60
    while not any(record.HasField("exit") for record in records(path.read_bytes())):
        assert time.monotonic() < until
        time.sleep(0.05)
    return records(path.read_bytes())


def told(run):
    """Of every file of Weights & Biases: the run's id, and all that was logged there."""
    for path in sorted(run.path.glob("wandb/offline-run-*/run-*.wandb")):
        rows, identity = [], ""
        for record in whole(path):
            identity = record.run.run_id or identity
            if items := record.history.item:
                rows.append({i.key or i.nested_key[0]: json.loads(i.value_json) for i in items})
        yield identity, rows


def test_tracked_runs_are_named_as_their_source_names_them(run):
    assert tracked_name(run) == "run"
    world = AliasesWorld(held_out=(0.6, 0.25), weights=(1.0, 0.25, 1.0), tasks=TASKS[:2])
    named = replace(run, config=replace(run.config, world=world))
    assert tracked_name(named) == "oocl_ssq_97_0.6_0.25_1.0_0.25_0.0 run"


@pytest.mark.slow
@pytest.mark.usefixtures("_offline")
def test_weights_and_biases_has_one_run_for_one_run(run, tmp_path):
    """Two commands, with work before, between and in them, some of it done twice."""
    learn(run, 10)
    track(run, lambda: learn(run, 20), wandb=True)
    learn(run, 30)
    time.sleep(1)  # Weights & Biases names its folders by the second
    track(run, lambda: learn(run, 20, 30, 40), lambda: learn(run, 5, agent=1), wandb=True)
    (first, earlier), (second, later) = told(run)
    assert first == second == json.loads((run.path / "wandb/tracked.json").read_text())["id"]
    rows = [row for row in (*earlier, *later) if LOSS in row]
    assert [row["agent0/train/quizzes"] for row in rows] == [10, 20, 30, 40]
    assert [row[LOSS] for row in rows] == pytest.approx([1 / 10, 1 / 20, 1 / 30, 1 / 40])
    numbers = [row["_step"] for row in (*earlier, *later)]
    assert numbers == sorted(set(numbers))
    assert list((tmp_path / "current").iterdir()) == []


@pytest.mark.usefixtures("_offline")
def test_trackers_do_not_share_what_was_told(run):
    track(run, lambda: learn(run, 10))
    assert json.loads((run.path / "tensorboard/tracked.json").read_text())["bytes"] > 0
    assert not (run.path / "wandb").exists()
