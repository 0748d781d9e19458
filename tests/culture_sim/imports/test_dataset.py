"""Published datasets: clean rows are found by their order and their task's verifier."""

import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from culture_sim.imports.dataset import read_dataset, read_quizzes, write_quizzes
from culture_sim.presets.faithful import faithful
from tests.helpers.published import LABELS, in_tokens, reordered, write_dataset
from tests.helpers.slow_source import DRAWERS
from world.core.errors import UserError

WORLD = faithful().world
NAMES = {"detect_ell": "detect", "grow_large": "grow", "translate_over": "translate"}
ORDERS = ((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0))


def some(each=4):
    """Rows in layout 0 and their labels, of every task, as the source draws them."""
    rng, rows, labels = random.Random(0), [], []
    for task, draw in DRAWERS.items():
        rows += [draw(rng) for _ in range(each)]
        labels += [NAMES.get(task, task)] * each
    return in_tokens(rows), labels


def test_every_task_is_read_in_every_order_without_noise(tmp_path):
    tokens, labels = some()
    written = np.concatenate([reordered(tokens, order) for order in ORDERS])
    found = read_dataset([write_dataset(tmp_path / "a.parquet", written, labels * 4)], WORLD)
    assert found.dropped == {}
    assert (found.quizzes.tokens == np.tile(tokens, (4, 1))).all()
    names = [WORLD.tasks[task] for task in found.quizzes.task]
    assert [NAMES.get(name, name) for name in names] == labels * 4
    write_quizzes(tmp_path, found.quizzes, WORLD)
    again = read_quizzes(tmp_path, WORLD)
    assert (again.tokens == found.quizzes.tokens).all()
    assert again.task.tolist() == found.quizzes.task.tolist()


def test_noise_labels_and_wrong_rows_are_dropped_and_counted(tmp_path):
    tokens, labels = some(1)
    noisy, label, wrong = tokens[0].copy(), tokens[1].copy(), tokens[2].copy()
    noisy[210] = noisy[210] % 10 + 1  # a cell of the third grid, in the first order
    label[5] = 13
    wrong[310] = wrong[310] % 10 + 1
    strange = reordered(tokens[3:4], (3, 1, 0, 2))
    rows = np.concatenate(
        [[noisy, label], reordered(wrong[None], ORDERS[2]), strange, tokens[4:5], tokens[5:6],
         reordered(tokens[5:6], ORDERS[3])]
    )  # fmt: skip
    of = [*labels[:4], labels[4], "culture", "culture"]
    found = read_dataset([write_dataset(tmp_path / "a.parquet", rows, of)], WORLD)
    assert found.dropped == {
        "a label in a cell": 1,
        "against its rule": 1,
        "in no order of the source": 1,
        "noise in the prompt": 2,  # agents' quizzes cannot be judged, so that order is left out
    }
    assert found.quizzes.task.tolist() == [WORLD.tasks.index("frame"), -1]
    assert (found.quizzes.tokens == tokens[4:6]).all()
    assert found.counts == {WORLD.tasks.index("frame"): 1, -1: 1}


def spoiled(change):
    """A file of two columns with one of them changed."""

    def write(path):
        tokens, labels = some(1)
        table = pq.read_table(write_dataset(path, tokens, labels))
        pq.write_table(change(table), path)

    return write


def column(table, name, values):
    return table.set_column(table.column_names.index(name), name, values)


def ids(table, change, kind=pa.int32()):  # noqa: B008
    rows = np.array(table["input_ids"].to_pylist())
    return column(table, "input_ids", pa.array(change(rows).tolist(), pa.list_(kind)))


REFUSED = {
    "an earlier push": (
        lambda t: t.rename_columns(["input_ids", "from_w"]),
        "must have one column 'label'",
    ),
    "no names": (lambda t: t.replace_schema_metadata({}), "what its labels are called"),
    "without the 0": (lambda t: ids(t, lambda rows: rows[:, 1:]), "405 entries each"),
    "another start": (lambda t: ids(t, lambda rows: rows + (rows == 0)), "must begin with 0"),
    "tokens that are none": (lambda t: ids(t, lambda rows: rows * 2), "must be 0 to 14"),
    "fractions": (lambda t: ids(t, lambda rows: rows, pa.float32()), "lists of integers"),
    "no lists": (lambda t: column(t, "input_ids", t["label"]), "lists of integers"),
    "gaps": (
        lambda t: column(t, "label", pa.array([None] * len(t), pa.int64())),
        "label must be integers",
    ),
    "a label without a name": (
        lambda t: column(t, "label", pa.array([9] * len(t), pa.int64())),
        "label must be 0 to 8",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_files_are_refused_in_a_line(case, tmp_path):
    change, says = REFUSED[case]
    path = tmp_path / "a.parquet"
    spoiled(change)(path)
    with pytest.raises(UserError, match=says) as caught:
        read_dataset([path], WORLD)
    assert "\n" not in str(caught.value)


def test_damage_and_unknown_tasks_are_refused(tmp_path):
    path, (tokens, _) = tmp_path / "a.parquet", some(1)
    write_dataset(path, tokens[:1], ["islands"], [*LABELS, "islands"])
    with pytest.raises(UserError, match="'islands', which is no task of the source's run"):
        read_dataset([path], WORLD)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"input_ids", b"input_id\xff"))
    with pytest.raises(UserError, match="is damaged"):
        read_dataset([path], WORLD)
    path.write_bytes(whole[:200])
    with pytest.raises(UserError, match="is damaged"):
        read_dataset([path], WORLD)
    with pytest.raises(UserError, match="no dataset was imported"):
        read_quizzes(tmp_path, WORLD)
