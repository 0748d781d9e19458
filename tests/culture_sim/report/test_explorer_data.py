"""What is gathered for the explorer of features."""

from __future__ import annotations

import base64
import gzip

import numpy as np
import pandas as pd
import pytest

from culture_sim.features.folders import CULTURE
from culture_sim.report import write_report
from culture_sim.report.explorer import data as explorer
from culture_sim.report.explorer import tables as explorer_tables
from sae.comparison.examples import QUIZZES
from sae.files import write_parquet
from tests.helpers.exploring import FAMILIES, made_run
from tests.helpers.made_effects import make_family_effects
from tests.helpers.made_features import ABLATED, AGENTS, SHARES, SITE
from tests.helpers.reading import embedded
from world.core.errors import UserError


def held(page, part):
    """What a part of the page holds, with its columns unpacked."""
    tree = embedded(page.read_text(), f"explorer-part-{part}")
    columns = tree.pop("columns", tree)
    return tree, {name: unpacked(*column) for name, column in columns.items()}


def unpacked(kind, row, text):
    values = np.frombuffer(gzip.decompress(base64.b64decode(text)), kind)
    return values.reshape(-1, row) if row > 1 else values


def test_every_compared_feature_is_in_the_list(explored):
    tree, columns = held(explored, "0")
    folder = explored.parents[1] / "features" / SITE / "batch_topk-64"
    examples = pd.read_parquet(folder / "examples.parquet")
    assert np.array_equal(columns["agent"], examples.agent)
    assert np.array_equal(columns["feature"], examples.feature)
    matches = pd.read_parquet(folder / "matches.parquet").set_index(
        ["agent_a", "feature_a", "agent_b"]
    )
    for row in (0, 70, 319):
        agent, feature = columns["agent"][row], columns["feature"][row]
        assert np.isnan(columns["r"][row, agent])
        for other in set(range(AGENTS)) - {agent}:
            found = matches.loc[agent, feature, other]
            assert columns["r"][row, other] == pytest.approx(found.r)
            assert columns["nullR"][row, other] == pytest.approx(found.null_r)
            assert tree["kinds"][columns["kind"][row, other]] == found.kind
            best = columns["match"][row, other]
            assert (columns["agent"][best], columns["feature"][best]) == (other, found.feature_b)


def test_what_ablation_changes_is_in_the_list_and_by_task(explored):
    tree, columns = held(explored, "0")
    _, details = held(explored, "0-f0")
    effects = pd.read_parquet(next(explored.parents[1].glob("features/*/*/effects.parquet")))
    ablated = effects[effects.factor == 0]
    assert tree["tasks"] == [{"name": name, "quizzes": n} for name, n in ABLATED.items()]
    for k, task in enumerate(ABLATED):
        rows = ablated[ablated.task == task]
        changes = rows[["accuracy_change", "accuracy_low", "accuracy_high"]]
        assert np.allclose(details["accuracy"].reshape(-1, len(ABLATED), 3)[:, k], changes)
        if task == "all":
            assert np.allclose(columns["accuracy"], changes)
            assert np.allclose(columns["loss"], rows.loss_change)
    # Nobody looked at families as such.
    assert "familyQ" not in columns


def test_what_families_do_is_in_the_list(parted):
    _, columns = held(parted, "0")
    known = np.arange(FAMILIES - 1)
    for name in ("familyAccuracy", "familyQ", "familyLoss"):
        assert np.isnan(columns[name][-1]).all()
    assert np.allclose(columns["familyQ"][:-1], 0.3 / (1 + known))
    expected = -0.01 * known[:, None] + [0, -0.005, 0.005]
    assert np.allclose(columns["familyAccuracy"][:-1], expected)
    assert np.allclose(columns["familyLoss"][:-1], 0.001 * known)


def test_features_are_told_by_whose_quizzes_they_fire_on(explored, parted):
    _, columns = held(explored, "0")
    turn = columns["feature"] % len(SHARES)
    tested = columns["feature"] != 9
    assert np.array_equal(np.isnan(columns["onQ"]), ~tested)
    assert np.allclose(columns["onAgents"][tested], np.array(SHARES)[turn[tested], 0])
    agents, world, many, never = ([1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1])
    expected = np.array([agents, world, many, never, [0, 0, 0, 0]])
    assert np.array_equal(columns["origins"], expected[turn] * tested[:, None])
    ratio = np.array([1.5, 2 / 3, 15, np.inf, np.nan])[turn]
    assert np.allclose(columns["onRatio"], np.where(tested, ratio, np.nan), equal_nan=True)
    # The second comparison has no such table.
    assert '"onQ"' not in parted.with_name("explorer").joinpath("1.js").read_text()


def test_activations_stay_on_their_cells(explored):
    tree, listing = held(explored, "0")
    _, details = held(explored, "0-f0")
    _, families = held(explored, "0-g0")
    assert set(tree["quizzes"]["layout"]) == {0, 1, 2, 3}
    cells = details["activations"].shape[1] // QUIZZES // 4
    lines = details["activations"].reshape(-1, QUIZZES, 4, cells)
    rows = np.arange(len(lines))
    first = listing["feature"] // 2 % cells
    assert (lines[rows, 0, 3, first] == 255).all()
    shared = families["activations"].reshape(FAMILIES, AGENTS, QUIZZES, 4, cells)
    for family in range(FAMILIES):
        members = listing["members"][family] >= 0
        assert (shared[family, members, 0, 3, family % cells] == 255).all()
        assert (shared[family, ~members] == 0).all()


def test_large_details_are_beside_the_page(parted):
    text, folder = parted.read_text(), parted.with_name("explorer")
    assert 'id="explorer-part-0"' in text
    assert 'id="explorer-part-0-f0"' not in text
    assert 'id="explorer-part-1"' not in text
    names = {path.name for path in folder.iterdir()}
    assert {"0-f0.js", "0-f13.js", "0-g1.js", "1.js", "1-f0.js"} <= names
    assert (folder / "1.js").read_text().startswith('cultureExplorer("1",{"agents"')


def test_parts_of_an_earlier_report_are_removed(tmp_path, monkeypatch):
    run = made_run(tmp_path / "run", 8)
    monkeypatch.setattr(explorer, "INSIDE", 1000)
    folder = write_report(run).with_name("explorer")
    assert list(folder.iterdir())
    monkeypatch.undo()
    write_report(run)
    assert not list(folder.iterdir())


def test_a_run_without_families_is_explored(tmp_path):
    run = made_run(tmp_path / "run", 1)
    _, columns = held(write_report(run), "0")
    assert columns["members"].size == 0
    assert len(columns["agent"]) == AGENTS


def test_a_run_without_examples_says_what_to_run(tmp_path):
    run = made_run(tmp_path / "run", 8)
    next(run.path.glob("features/*/*/examples.parquet")).unlink()
    text = write_report(run).read_text()
    assert "There are no examples to explore. Run <code>culture-sim sae --run run</code>" in text
    assert "<script" not in text


@pytest.mark.parametrize("damage", ["no table", "no column"])
@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        (
            "occurrence",
            "q",
            r"occurrence.parquet cannot be .*; make it again with: culture-sim culture-features",
        ),
        (
            "effects",
            "accuracy_low",
            r"effects.parquet cannot be read .*; make it again with: culture-sim effects",
        ),
        (
            "family_effects",
            "accuracy_low",
            r"effects.parquet cannot be read .*; make it again with: culture-sim effects",
        ),
    ],
)
def test_damaged_tables_name_their_command(tmp_path, name, column, said, damage):
    folder = next(made_run(tmp_path / "run", 8).path.glob("features/*/*"))
    make_family_effects(folder)
    path = folder / f"{name}.parquet"
    if damage == "no table":
        path.write_bytes(b"PAR1")
    else:
        write_parquet(path, pd.read_parquet(path).drop(columns=column))
    with pytest.raises(UserError, match=f"{said} --run run"):
        explorer_tables.read_tables(folder, "run")


def test_tables_of_groups_are_not_shown_without_the_figures_that_are_written_last(tmp_path):
    folder = next(made_run(tmp_path / "run", 8).path.glob("features/*/*"))
    assert explorer_tables._read_occurrence(folder / "occurrence.parquet", "run") is not None
    (folder / CULTURE).unlink()
    assert explorer_tables._read_occurrence(folder / "occurrence.parquet", "run") is None


def test_a_damaged_table_is_one_clear_line(tmp_path):
    run = made_run(tmp_path / "run", 8)
    folder = next(run.path.glob("features/*/*"))
    (folder / "concepts.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match="culture-sim sae --run run"):
        explorer_tables.read_tables(folder, "run")
