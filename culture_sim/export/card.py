"""The dataset card, README.md: what Hugging Face datasets needs to load the folder by name, and
what a person needs to trust it. Every figure is read from the files that were written.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import Array2D, ClassLabel, Features, List
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData

from culture_sim.export.columns import meanings
from culture_sim.export.quizzes import KEPT
from culture_sim.export.spec import Export
from world import ExplainedWorld

PACKAGES = ("culture-sim", "numpy", "pyarrow", "datasets")
SIZES = {"n<1K": 1e3, "1K<n<10K": 1e4, "10K<n<100K": 1e5, "100K<n<1M": 1e6, "1M<n<10M": 1e7}
"""The Hub's names of sizes, and the numbers of rows below which they stay."""
DESCRIBED = ("world", "culture-proposals", "text")
"""Configurations whose columns the card lists; the others have the same or fewer."""
KINDS = ("world", "text", "culture", "culture-proposals", "culture-text")
"""Configurations that the card loads: all but those of one task."""


class Config(NamedTuple):
    """What is loaded by one name.

    about: in a line. folder: below data/, with {split} in it.
    """

    name: str
    about: str
    folder: str

    def glob(self, split: str) -> str:
        """The files of a split, as the card's metadata says it."""
        return f"data/{self.folder.format(split=split)}/*.parquet"

    def paths(self, root: Path, split: str) -> list[Path]:
        """The same files, sorted by name."""
        return sorted(root.glob(self.glob(split)))


def write_card(root: Path, export: Export) -> None:
    """Write README.md into the folder of a dataset whose data/ is complete."""
    splits = export.world.splits
    rows = {config: _rows(config, root, splits) for config in _configs(export)}
    configs = [config for config, by_split in rows.items() if by_split]
    data = DatasetCardData(
        license="mit",
        pretty_name="Quizzes of culture-sim",
        tags=["culture-sim", "abstract-reasoning", export.world.name, "synthetic"],
        task_categories=["text-generation" if export.text else "other"],
        size_categories=next((name for name, n in SIZES.items() if export.quizzes < n), "n>10M"),
    )
    loaded = {config.name: _data_files(config, [*rows[config]]) for config in configs}
    MetadataConfigs(loaded).to_dataset_card_data(data)
    card = DatasetCard.from_template(
        data,
        template_str=(files("culture_sim.export") / "cards/dataset.md.jinja").read_text("utf-8"),
        export=export,
        options=_options(export),
        judged=isinstance(export.world, ExplainedWorld),
        configs=[(config, rows[config]) for config in configs],
        loads={c.name: [*rows[c]] for c in configs if c.name in KINDS},
        gaps=_gaps(rows, splits),
        tasks={task: _distinct(root, task, splits) for task in export.world.tasks},
        rounds=_rounds(export),
        columns={c.name: _columns(c, root, export) for c in configs if c.name in DESCRIBED},
        versions={name: importlib.metadata.version(name) for name in PACKAGES},
        python=platform.python_version(),
    )
    (root / "README.md").write_text(card.content, "utf-8")


def _configs(export: Export) -> list[Config]:
    """Everything that could be loaded; what has no quizzes is left out of the card."""
    kinds = [("world", "quizzes of the world, all tasks")]
    kinds += [("text", "the quizzes of `world` as text")] if export.text else []
    configs = []
    for kind, about in kinds:
        configs.append(Config(kind, about, f"{kind}/{{split}}/*"))
        for task in export.world.tasks:
            folder = f"{kind}/{{split}}/{task}"
            configs.append(Config(f"{kind}-{task}", f"of the task {task} alone", folder))
    if export.culture is not None:
        proposals = "every quiz that agents voted on, kept or not"
        configs += [
            Config("culture", "quizzes that agents made and kept", f"culture/{{split}}/{KEPT}"),
            Config("culture-proposals", proposals, "culture/{split}/*"),
        ]
        if export.text:
            folder = f"culture-text/{{split}}/{KEPT}"
            configs.append(Config("culture-text", "`culture` as text", folder))
    return configs


def _rows(config: Config, root: Path, splits: tuple[str, ...]) -> dict[str, int]:
    """Quizzes of every split that has any."""
    paths = {split: config.paths(root, split) for split in splits}
    return {
        split: sum(pq.read_metadata(path).num_rows for path in of_split)
        for split, of_split in paths.items()
        if of_split
    }


def _gaps(rows: dict[Config, dict[str, int]], splits: tuple[str, ...]) -> list[str]:
    """Which of KINDS lack which splits, in words; all splits, where one has no quizzes at all."""
    lacking = {
        config.name: [split for split in splits if split not in of_split]
        for config, of_split in rows.items()
        if config.name in KINDS
    }
    return [f"`{name}` has no {' and no '.join(lacks)}" for name, lacks in lacking.items() if lacks]


def _data_files(config: Config, splits: list[str]) -> dict[str, Any]:
    entries = [{"split": split, "path": config.glob(split)} for split in splits]
    return {"data_files": entries, **({"default": True} if config.name == "world" else {})}


def _options(export: Export) -> dict[str, str]:
    """The options of the world, in words."""
    tree = dataclasses.asdict(export.world)  # type: ignore[call-overload]
    return {
        name.replace("_", " "): ", ".join(map(str, value if isinstance(value, tuple) else [value]))
        for name, value in tree.items()
    }


def _distinct(root: Path, task: str, splits: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Of a task and each split: quizzes, and how many differ up to the world's symmetries."""
    counts = {}
    for split in splits:
        folder = root / "data" / "world" / split / task
        hashes = pq.read_table(folder, columns=["hash"])["hash"] if folder.exists() else []
        counts[split] = len(hashes), pc.count_distinct(hashes).as_py() if len(hashes) else 0
    return counts


def _rounds(export: Export) -> list[dict[str, Any]]:
    """What the store says of each round."""
    if export.culture is None:
        return []
    rounds = []
    for number in export.culture.rounds():
        table = export.culture.table(number)
        kept = int(np.asarray(table["keep"]).sum())
        names = {key: sorted(pc.unique(table[key]).to_pylist()) for key in ("rule", "method")}
        rounds.append({"round": number, "voted": len(table), "kept": kept, **names})
    return rounds


def _columns(config: Config, root: Path, export: Export) -> list[tuple[str, str, str]]:
    """Name, type and meaning of each column of a configuration."""
    path = next(path for split in export.world.splits for path in config.paths(root, split))
    features, meaning = Features.from_arrow_schema(pq.read_schema(path)), meanings(export.world)
    return [(name, _type(feature), meaning[name]) for name, feature in features.items()]


def _type(feature: Any) -> str:
    if isinstance(feature, ClassLabel):
        return "class label"
    if isinstance(feature, Array2D):
        return f"{feature.dtype} {list(feature.shape)}"
    shape: list[int] = []
    while isinstance(feature, List):
        shape, feature = [*shape, feature.length], feature.feature
    return f"{feature.dtype} {shape}" if shape else str(feature.dtype)
