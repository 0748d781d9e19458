"""Checkpoints: what is written is read back, and no interruption of a swap loses anything."""

import json

import pytest
import torch
from safetensors import SafetensorError

from agents.checkpoint import (
    MODEL,
    OPTIMIZER,
    read_model,
    read_optimizer,
    read_state,
    recover,
    save_checkpoint,
)
from world.core.errors import UserError


def save(path, value):
    save_checkpoint(path, {"w": torch.full((3,), value)}, {"m": torch.ones(2)}, {"value": value})


def test_round_trip(tmp_path):
    path = tmp_path / "0"
    save(path, 1.0)
    assert read_state(path)["value"] == 1.0
    assert torch.equal(read_model(path)["w"], torch.ones(3))
    assert torch.equal(read_optimizer(path)["m"], torch.ones(2))


def test_a_second_save_replaces_the_first_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "0"
    save(path, 1.0)
    save(path, 2.0)
    assert read_model(path)["w"][0] == 2.0
    assert [p.name for p in tmp_path.iterdir()] == ["0"]


def test_a_kill_between_the_two_renames_keeps_the_earlier_checkpoint(tmp_path):
    path = tmp_path / "0"
    save(path, 1.0)
    path.rename(tmp_path / ".0.old")
    (tmp_path / ".0.tmp").mkdir()
    assert read_state(path)["value"] == 1.0
    recover(path)
    assert read_model(path)["w"][0] == 1.0
    assert [p.name for p in tmp_path.iterdir()] == ["0"]


def test_a_kill_before_the_renames_keeps_the_earlier_checkpoint(tmp_path):
    path = tmp_path / "0"
    save(path, 1.0)
    (tmp_path / ".0.tmp").mkdir()
    (tmp_path / ".0.tmp" / MODEL).write_bytes(b"half")
    recover(path)
    assert read_model(path)["w"][0] == 1.0
    assert [p.name for p in tmp_path.iterdir()] == ["0"]


def test_a_full_disk_keeps_the_earlier_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "0"
    save(path, 1.0)

    def full(*args):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("agents.checkpoint.save_file", full)
    with pytest.raises(UserError, match="No space left on device"):
        save(path, 2.0)
    assert read_model(path)["w"][0] == 1.0


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors"])
def test_damaged_tensors_are_named(tmp_path, name):
    path = tmp_path / "0"
    save(path, 1.0)
    file = path / name
    file.write_bytes(file.read_bytes()[:20])
    read = read_model if name == "model.safetensors" else read_optimizer
    with pytest.raises(UserError, match=name):
        read(path)


@pytest.mark.parametrize("read", [read_model, read_optimizer])
def test_a_flipped_bit_is_noticed(tmp_path, read):
    path = tmp_path / "0"
    save(path, 1.0)
    file = path / (MODEL if read is read_model else OPTIMIZER)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(UserError, match=r"hash is not the one in state\.json"):
        read(path)


def test_damaged_state_is_named(tmp_path):
    path = tmp_path / "0"
    save(path, 1.0)
    (path / "state.json").write_text(json.dumps({"value": 1})[:-3])
    with pytest.raises(UserError, match="state"):
        read_state(path)


def test_no_checkpoint_is_none(tmp_path):
    assert read_state(tmp_path / "0") is None
