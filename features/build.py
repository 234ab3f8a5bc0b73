"""Reads the home's tables and writes what is made of them; the room's hands on the disk beside ingest."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd

from features.contract import TABLES
from features.errors import InputError
from features.home import Home


def data_hash(home: Home) -> str:
    """The first 16 hex digits of the SHA-256 over all tables' files: the same data gives the same hash."""
    digest = hashlib.sha256()
    for name in TABLES:
        path = home.table(name)
        if path.exists():
            digest.update(name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def check_output(path: Path) -> None:
    """InputError if a table could not be written to this path: another ending, no such folder, no right to write."""
    if path.suffix not in WRITERS:
        raise InputError(f"{path}: no such format.", remedy="Let the output end in .parquet, .csv, .csv.gz or .ndjson.")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written.", remedy="Name a file in a folder that exists and that you may write to.")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Writes a table as Parquet, CSV or NDJSON by the file's ending, whole or not at all. InputError as `check_output` has it.

    A cell that is a list of texts stays one, but for CSV, which has none: they stand in one cell there, with "; " between them.
    """
    check_output(path)
    part = path.with_name(path.name + ".part")
    try:
        WRITERS[path.suffix](table, part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}.", remedy="Name a file in a folder that exists and that you may write to."
        ) from error


def _parquet(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False)


def _csv(table: pd.DataFrame, path: Path) -> None:
    _flat(table).to_csv(path, index=False)


def _csv_gz(table: pd.DataFrame, path: Path) -> None:
    _flat(table).to_csv(path, index=False, compression="gzip")


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    lists = [name for name in table.columns if table[name].map(lambda cell: isinstance(cell, list)).any()]
    return table.assign(**{name: table[name].map("; ".join) for name in lists})


def _ndjson(table: pd.DataFrame, path: Path) -> None:
    table.to_json(path, orient="records", lines=True, date_format="iso", force_ascii=False)


WRITERS: Final[dict[str, Callable[[pd.DataFrame, Path], None]]] = {".parquet": _parquet, ".csv": _csv, ".gz": _csv_gz, ".ndjson": _ndjson}
