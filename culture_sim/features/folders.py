"""Which comparisons of features a run asks for, in which order, and where they are.

Apart from the stage that makes them, because that loads sae_lens, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from agents.model import build_model
from culture_sim.run.config import RunConfig
from culture_sim.run.run import Run
from sae.activations.harvest import comparable_sites
from sae.artifacts import FILES
from sae.comparison.schema import SCHEMA
from sae.config import DictionaryConfig
from sae.files import read_parquet, write_parquet
from world.core.errors import UserError
from world.core.files import hashes_of, read_json, write_json

SUMMARY = "summary.json"
CULTURE, CROSSCODER, EFFECTS = "culture.json", "crosscoder.json", "effects.json"
"""What commands write last beside a comparison; without it, their tables may be of two runs."""
CIRCUITS = "circuits.json"
"""The same of a command that needs no comparison, in a folder of its own (``circuits_path``)."""
MAKES = {
    SUMMARY: "sae",
    CULTURE: "culture-features",
    CROSSCODER: "crosscoder",
    EFFECTS: "effects",
    CIRCUITS: "circuits",
}
"""By the file of figures that it writes last, the command that makes these and tables."""


class OtherVersionError(UserError):
    """A comparison whose files were written by code that reads others than this."""


def dictionary_configs(config: RunConfig) -> list[DictionaryConfig]:
    """One for each site, architecture and width of a run.

    Raises UserError for a site that agents do not have.
    """
    # Widths do not change which sites there are, so the narrowest network names them at no cost.
    hidden = min(1, config.model.d_mlp)
    narrow = replace(config.model, d_model=2 * config.model.n_heads, d_mlp=hidden)
    return config.sae.dictionaries(comparable_sites(build_model(narrow, config.world, seed=0)))


def features_path(run: Run, dictionary: DictionaryConfig) -> Path:
    """The folder of one comparison."""
    return run.path / "features" / dictionary.site / dictionary.name


def circuits_path(run: Run) -> Path:
    """Where what was found out about the circuits of a run's agents is."""
    return run.path / "circuits"


def compared_folders(run: Run) -> list[Path]:
    """The folders of finished comparisons: those that the run's options ask for, in the order in
    which they are made, then those of earlier options, by name."""
    made = sorted(path.parent for path in run.path.glob(f"features/*/*/{SUMMARY}"))
    asked = [features_path(run, one) for one in dictionary_configs(run.config)] if made else []
    return [
        *(path for path in asked if path in made),
        *(path for path in made if path not in asked),
    ]


def write_figures(
    folder: Path, name: str, figures: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
) -> Path:
    """Write what a command measured beside a comparison; returns where its figures are.

    They are removed first and written last, so that tables of two runs never pass for one.
    """
    where = folder / name
    where.unlink(missing_ok=True)
    for stem, table in tables.items():
        write_parquet(folder / f"{stem}.parquet", table)
    hashes = hashes_of(folder, [f"{stem}.parquet" for stem in tables])
    write_json(where, {**figures, FILES: hashes})
    return where


def read_table(
    folder: Path,
    figures: str,
    stem: str,
    run: str,
    columns: Sequence[str] | None = None,
    filters: Sequence[tuple[str, str, Any]] | None = None,
) -> pd.DataFrame:
    """A table in the folder of a comparison of a run, with the hash that is kept with it.

    figures: the file of figures that was written after the table. columns, filters: as
    ``read_parquet`` has them. Raises UserError, naming the command that makes them, when the table
    or the figures are damaged.
    """
    record, remedy = _record(folder, figures, run), _remedy(figures, run)
    return read_parquet(folder / f"{stem}.parquet", remedy, columns, filters, record)


def find_table(folder: Path, stem: str, run: str) -> pd.DataFrame:
    """``read_table`` of a table of which it is not said with which figures it was written.

    Raises UserError for one that no command has made, too.
    """
    name = f"{stem}.parquet"
    for figures in MAKES:
        if (folder / figures).exists() and name in _record(folder, figures, run).get(FILES, {}):
            return read_table(folder, figures, stem, run)
    if not (folder / name).exists():
        raise UserError(f"no command has made a table {stem!r} in {folder}")
    return read_table(folder, SUMMARY, stem, run)


def _record(folder: Path, figures: str, run: str) -> dict[str, Any]:
    return read_json(folder / figures, _remedy(figures, run))


def _remedy(figures: str, run: str) -> str:
    return f"make it again with: culture-sim {MAKES[figures]} --run {run}"


def read_comparison(folder: Path, run: str) -> dict[str, Any]:
    """The figures of a finished comparison of a run, by name.

    Raises UserError when they are damaged, OtherVersionError when other code wrote its files.
    """
    summary = _record(folder, SUMMARY, run)
    if summary.get("schema") != SCHEMA:
        raise OtherVersionError(
            f"the files of {folder} are of version {summary.get('schema')}, and version {SCHEMA} "
            f"is read here; run first: culture-sim sae --run {run}"
        )
    return summary


def read_comparisons(run: Run) -> tuple[dict[Path, dict[str, Any]], list[str]]:
    """The figures of all finished comparisons by folder, in the order of ``compared_folders``, and
    a line for each of another version, which is left out.

    Raises UserError when one is damaged.
    """
    summaries, left_out = {}, []
    for folder in compared_folders(run):
        try:
            summaries[folder] = read_comparison(folder, run.path.name)
        except OtherVersionError as error:
            left_out.append(str(error))
    return summaries, left_out
