"""Replay: stored votes judged again, by the rule that was used or another, without a model."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pytest

from culture_sim.cli import main
from culture_sim.culture.rules.random_filter import RandomFilter
from culture_sim.culture.store import CultureStore, write_table
from world.core.files import read_json, write_json


def test_replay_by_the_rule_of_a_round_gives_its_decisions(stored, capsys, tmp_path):
    place = ["replay", "--runs", str(stored.parent), "--run", stored.name]
    assert main([*place, "--out", str(tmp_path / "same.json")]) == 0
    assert "as stored" in capsys.readouterr().out
    (same,) = json.loads((tmp_path / "same.json").read_text())
    store = CultureStore(stored / "culture")
    assert same["same"]
    assert same["keep"] == store.decision(1).keep.tolist()
    assert same["kept"] == same["stored"] == same["both"] == sum(same["keep"]) > 0
    other = ["--rule", "all_but_k", "--rule.k", "5", "--out", str(tmp_path / "other.json")]
    assert main([*place, *other]) == 2
    assert "needs more than 5 voters, got 5" in capsys.readouterr().err
    other[3] = "2"
    assert main([*place, *other]) == 0
    (none,) = json.loads((tmp_path / "other.json").read_text())
    assert not none["same"]
    assert none["kept"] == none["both"] == 0


def test_a_round_that_its_rule_does_not_reproduce(stored, capsys, tmp_path):
    run = tmp_path / "changed"
    shutil.copytree(stored, run)
    store = CultureStore(run / "culture")
    table = store.table(1)
    kept = table["keep"].to_pylist()
    changed = pa.array([not kept[0], *kept[1:]])
    place = table.column_names.index("keep")
    write_table(store.path(1), table.set_column(place, table.field("keep"), changed))
    command = ["replay", "--runs", str(tmp_path), "--run", run.name]
    assert main([*command, "--out", str(tmp_path / "found.json")]) == 1
    said = capsys.readouterr()
    assert said.err == "culture-sim: error: the rule of round 1 does not decide as is stored\n"
    assert "others" in said.out
    (found,) = json.loads((tmp_path / "found.json").read_text())
    assert not found["same"]
    # Another rule is not held to what is stored.
    assert main([*command, "--rule", "all_but_k"]) == 0


def test_a_rule_that_chooses_does_so_within_a_wave(stored, tmp_path):
    """A round of random_filter in waves of 32 proposals is found to be what it is."""
    run, size = tmp_path / "waves", 32
    shutil.copytree(stored, run)
    store, path = CultureStore(run / "culture"), run / "culture" / "round-0001.json"
    rule, table, votes = RandomFilter(), store.table(1), store.votes(1)
    cuts = [slice(start, start + size) for start in range(0, len(table), size)]
    assert len(cuts) > 1
    keep = np.concatenate([rule(votes[cut]).keep for cut in cuts])
    assert (keep != rule(votes).keep).any()
    columns = {
        "keep": keep.tolist(),
        "dissenter": [-1] * len(table),
        "reason": ["kept" if kept else "not drawn" for kept in keep],
    }
    for name, values in columns.items():
        field = table.field(name)
        array = pa.array(values, field.type)
        table = table.set_column(table.column_names.index(name), field, array)
    write_table(store.path(1), table)
    summary = read_json(path, "")
    made = {"rule": {"name": "random_filter"}, "batch_size": 16, "shard_batches": 2}
    write_json(path, {**summary, "culture": {**summary["culture"], **made}})
    assert main(["replay", "--runs", str(tmp_path), "--run", run.name]) == 0


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_summary_is_one_line(stored, capsys, tmp_path, text):
    shutil.copytree(stored, tmp_path / "hurt")
    (tmp_path / "hurt" / "culture" / "round-0001.json").write_text(text)
    assert main(["replay", "--runs", str(tmp_path), "--run", "hurt"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(r"round-0001.json (is damaged|lacks 'culture': it is damaged)", error)


def test_what_is_no_file_is_not_written_over(stored, capsys, tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    place = ["replay", "--runs", str(stored.parent), "--run", stored.name]
    for path in (tmp_path, tmp_path / "link", "/dev/null"):
        assert main([*place, "--out", str(path)]) == 2
        assert f"{path} is there and no ordinary file" in capsys.readouterr().err
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--rule.k", "2"], "--rule.k"),
        (["--rule", "none_of_them"], "unknown rule 'none_of_them'; known: all_but_k,"),
        (["--round", "7"], "there is no culture round 7"),
        (["--rule", "all_but_k", "--rule.j", "1"], "Unrecognized options: --rule.j"),
    ],
)
def test_replays_that_cannot_be_made(stored, capsys, options, says):
    place = ["replay", "--runs", str(stored.parent), "--run", stored.name]
    assert main([*place, *options]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
