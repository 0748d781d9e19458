"""The dataset card, README.md: what Hugging Face datasets needs to load the folder, and what a
person needs to trust it. Every figure is read from the files that were written.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import Array2D, ClassLabel, DatasetInfo, Features, List, SplitDict, SplitInfo
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCard, DatasetCardData

from culture_sim.culture.store import CultureStore
from culture_sim.export.columns import MEANING
from culture_sim.export.parts import KEPT
from culture_sim.export.schema import culture_features, text_features, world_features
from culture_sim.export.spec import Export
from world.grids import GridsWorld

PACKAGES = ("culture-sim", "numpy", "pyarrow", "datasets")
SIZES = {"n<1K": 1e3, "1K<n<10K": 1e4, "10K<n<100K": 1e5, "100K<n<1M": 1e6, "1M<n<10M": 1e7}
"""The Hub's names of sizes, and the numbers of rows below which they stay."""
DESCRIBED = ("world", "culture-proposals", "text")
"""Configurations whose columns the card lists; the others have the same or fewer."""


class Config(NamedTuple):
    """What is loaded by one name.

    about: in a line. folder: below data/, with {split} in it.
    """

    name: str
    about: str
    features: Features
    folder: str

    def glob(self, split: str) -> str:
        """The files of a split, as the card's metadata says it."""
        return f"data/{self.folder.format(split=split)}/*.parquet"

    def paths(self, root: Path, split: str) -> list[Path]:
        """The same files, sorted by name."""
        return sorted(root.glob(self.glob(split)))

    def splits(self, root: Path) -> list[str]:
        """The splits that have any quizzes."""
        return [split for split in GridsWorld.splits if self.paths(root, split)]


def write_card(root: Path, export: Export) -> None:
    """Write README.md into the folder of a dataset whose data/ is complete."""
    configs = [config for config in _configs(export) if config.splits(root)]
    data = DatasetCardData(
        license="mit",
        pretty_name="Quizzes of culture-sim",
        tags=["culture-sim", "abstract-reasoning", "grids", "synthetic"],
        task_categories=["text-generation" if export.text else "other"],
        size_categories=next((name for name, n in SIZES.items() if export.quizzes < n), "n>10M"),
    )
    infos = {config.name: _info(config, root) for config in configs}
    DatasetInfosDict(infos).to_dataset_card_data(data)
    files_of = {config.name: _data_files(config, root) for config in configs}
    MetadataConfigs(files_of).to_dataset_card_data(data)
    card = DatasetCard.from_template(
        data,
        template_str=(files("culture_sim.export") / "card.md.jinja").read_text(),
        export=export,
        splits=export.world.splits,
        configs=[(config, _rows(config, root)) for config in configs],
        tasks={task: _distinct(root, task) for task in export.world.tasks},
        rounds=_rounds(export),
        columns={c.name: _columns(c.features) for c in configs if c.name in DESCRIBED},
        versions={name: importlib.metadata.version(name) for name in PACKAGES},
        python=platform.python_version(),
    )
    (root / "README.md").write_text(card.content)


def _configs(export: Export) -> list[Config]:
    """Everything that could be loaded; what has no quizzes is left out of the card."""
    world = export.world
    drawn, written = world_features(world), text_features(world, with_task=True)
    found = [Config("world", "quizzes of the world, all tasks", drawn, "world/{split}/*")]
    for task in world.tasks:
        folder = f"world/{{split}}/{task}"
        found.append(Config(f"world-{task}", f"of the task {task} alone", drawn, folder))
    found.append(Config("text", "the quizzes of `world` as text", written, "text/{split}/*"))
    for task in world.tasks:
        folder = f"text/{{split}}/{task}"
        found.append(Config(f"text-{task}", f"of the task {task} alone", written, folder))
    return [*found, *_culture_configs(export)]


def _culture_configs(export: Export) -> list[Config]:
    if export.culture is None:
        return []
    store = CultureStore(export.culture)
    made = culture_features(export.world, store.table(store.rounds()[0]).schema)
    written = text_features(export.world, with_task=False)
    proposals = "every quiz that agents voted on, kept or not"
    return [
        Config("culture", "quizzes that agents made and kept", made, f"culture/{{split}}/{KEPT}"),
        Config("culture-proposals", proposals, made, "culture/{split}/*"),
        Config("culture-text", "`culture` as text", written, f"culture-text/{{split}}/{KEPT}"),
    ]


def _info(config: Config, root: Path) -> DatasetInfo:
    """The types, and the sizes that loading checks."""
    splits = SplitDict()
    for split, rows in _rows(config, root).items():
        paths = config.paths(root, split)
        size = sum(_uncompressed(path) for path in paths)
        splits[split] = SplitInfo(split, num_bytes=size, num_examples=rows)
    paths = [path for split in splits for path in config.paths(root, split)]
    return DatasetInfo(
        features=config.features,
        splits=splits,
        download_size=sum(path.stat().st_size for path in paths),
        dataset_size=sum(info.num_bytes for info in splits.values()),
    )


def _uncompressed(path: Path) -> int:
    metadata = pq.read_metadata(path)
    groups = range(metadata.num_row_groups)
    return sum(metadata.row_group(group).total_byte_size for group in groups)


def _rows(config: Config, root: Path) -> dict[str, int]:
    """Quizzes of every split that has any."""
    return {
        split: sum(pq.read_metadata(path).num_rows for path in config.paths(root, split))
        for split in config.splits(root)
    }


def _data_files(config: Config, root: Path) -> dict[str, Any]:
    found = [{"split": split, "path": config.glob(split)} for split in config.splits(root)]
    return {"data_files": found, **({"default": True} if config.name == "world" else {})}


def _distinct(root: Path, task: str) -> dict[str, tuple[int, int]]:
    """Of a task and each split: quizzes, and how many differ in more than colours and order."""
    found = {}
    for split in GridsWorld.splits:
        paths = sorted((root / "data" / "world" / split / task).glob("*.parquet"))
        chunks = [pq.ParquetFile(path).read(columns=["hash"])["hash"] for path in paths]
        hashes = pa.chunked_array([c for chunk in chunks for c in chunk.chunks], pa.string())
        found[split] = len(hashes), pc.count_distinct(hashes).as_py()
    return found


def _rounds(export: Export) -> list[dict[str, Any]]:
    """What the store says of each round."""
    if export.culture is None:
        return []
    store, found = CultureStore(export.culture), []
    for number in store.rounds():
        table = store.table(number)
        kept = int(np.asarray(table["keep"]).sum())
        names = {key: sorted(pc.unique(table[key]).to_pylist()) for key in ("rule", "method")}
        found.append({"round": number, "voted": len(table), "kept": kept, **names})
    return found


def _columns(features: Features) -> list[tuple[str, str, str]]:
    """Name, type and meaning of each."""
    return [(name, _type(feature), MEANING[name]) for name, feature in features.items()]


def _type(feature: Any) -> str:
    if isinstance(feature, ClassLabel):
        return "class label"
    if isinstance(feature, Array2D):
        return f"{feature.dtype} [{feature.shape[0]}, {feature.shape[1]}]"
    shape: Sequence[int] = ()
    while isinstance(feature, List):
        shape, feature = [*shape, feature.length], feature.feature
    return f"{feature.dtype} {list(shape)}" if shape else str(feature.dtype)
