"""What stands behind a path that a user gives: a file, or the CSV and Parquet files below a folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from features.errors import InputError
from features.ingest.source_files import is_parquet

_PARQUET: Final = (".parquet", ".parq", ".pq")
_TEXT: Final = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_NOTHING: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Source:
    """What is read as one file: a text file, or all the Parquet files of a folder, of which an order may be spread over several.

    `partitions` are columns that the folders' names say (`year=2025`), for a text file; Parquet files are read with theirs by the engine.
    `unread` counts files of the folder that are of neither kind.
    """

    path: Path
    files: tuple[Path, ...]
    parquet: bool
    partitions: Mapping[str, str | None] = field(default_factory=dict)
    unread: int = 0


def sources_of(path: Path) -> list[Source]:
    """The sources behind a path: a file is one; a folder's Parquet files are one together, and each of its text files is one, by name.

    Files and folders whose names begin with a dot or an underscore are passed over, as the tools that write such folders mean it.
    Raises InputError if a file is missing, empty or of a wrong kind, or if there is no CSV or Parquet file below a folder.
    """
    if not path.is_dir():
        return [Source(path, (path,), is_parquet(path))]
    below = sorted(_files_below(path, path))
    parquet = tuple(file for file in below if _is_named(file, _PARQUET))
    texts = [file for file in below if _is_named(file, _TEXT)]
    if not parquet and not texts:
        raise InputError(
            f"{path}: there is no CSV or Parquet file below this folder ({len(below):,} other files).",
            remedy=f"Name a folder with files called {', '.join((*_PARQUET[:1], *_TEXT[:2]))} or {_TEXT[3]}, or name the files themselves.",
        )
    for file in (*parquet, *texts):
        is_parquet(file)
    whole = [Source(path, parquet, parquet=True)] if parquet else []
    found = [*whole, *(Source(file, (file,), is_parquet(file), _partitions(file, path)) for file in texts)]
    unread = len(below) - len(parquet) - len(texts)
    return [Source(s.path, s.files, s.parquet, s.partitions, unread if i == 0 else 0) for i, s in enumerate(found)]


def _files_below(folder: Path, root: Path) -> Iterator[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}.", remedy="Check that you may read it.") from error
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            yield from _files_below(entry, root)
        else:
            yield entry


def _is_named(file: Path, endings: tuple[str, ...]) -> bool:
    return file.name.lower().endswith(endings)


def _partitions(file: Path, root: Path) -> dict[str, str | None]:
    parts = [folder.partition("=") for folder in file.relative_to(root).parts[:-1] if "=" in folder]
    return {unquote(name): None if value == _NOTHING else unquote(value) for name, _, value in parts}
