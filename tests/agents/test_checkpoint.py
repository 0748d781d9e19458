"""Checkpoints: what is written is read back, and no interruption of a swap loses anything."""

import json
import os
from pathlib import Path
from stat import S_IMODE

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
from tests.helpers.damage import DAMAGES
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


def test_a_link_to_another_disk_is_followed_and_stays(tmp_path):
    """Saved again and again, cut off and recovered: all of it happens where the link leads."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "agents").mkdir()
    path, place = tmp_path / "agents" / "0", tmp_path / "disk" / "agent"
    path.symlink_to(place)
    for value in (1.0, 2.0, 3.0):
        save(path, value)
        assert path.is_symlink()
        assert read_model(path)["w"][0] == value
        assert [p.name for p in place.parent.iterdir()] == ["agent"]
    place.rename(place.with_name(".agent.old"))
    assert read_state(path)["value"] == 3.0
    recover(path)
    assert read_model(path)["w"][0] == 3.0
    assert [p.name for p in path.parent.iterdir()] == ["0"]


def test_where_no_checkpoint_can_be_is_said_before_the_work(tmp_path):
    lost, file = tmp_path / "0", tmp_path / "1"
    lost.symlink_to(tmp_path / "unmounted" / "agent")
    file.write_text("")
    for path, says in ((lost, "which is not there"), (file, "is a file")):
        with pytest.raises(UserError, match=says):
            recover(path)
        with pytest.raises(UserError, match=says):
            save(path, 1.0)
    with pytest.raises(UserError, match="is where a disk is mounted"):
        recover(Path("/proc"))


def test_the_umask_decides_who_may_read(tmp_path):
    earlier = os.umask(0o027)
    try:
        save(tmp_path / "0", 1.0)
    finally:
        os.umask(earlier)
    modes = {S_IMODE(file.stat().st_mode) for file in (tmp_path / "0").iterdir()}
    assert modes == {0o640}


def test_a_state_that_is_lost_from_beside_its_weights_is_named(tmp_path):
    path = tmp_path / "0"
    save(path, 1.0)
    (path / "state.json").unlink()
    with pytest.raises(UserError, match=r"state.json is damaged or missing .* train that agent"):
        read_state(path)


@pytest.mark.parametrize("name", [MODEL, OPTIMIZER, "state.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_to_every_file_is_named(tmp_path, name, damage):
    path = tmp_path / "0"
    save(path, 1.0)
    damage(path / name)
    with pytest.raises(UserError, match=f"{name} (is|cannot be read).*train that agent") as caught:
        read_optimizer(path) if name == OPTIMIZER else read_model(path)
    assert "\n" not in str(caught.value)
