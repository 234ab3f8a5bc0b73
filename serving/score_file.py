"""Tables into a file, whole or not at all."""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final, cast

from features.build import check_output
from features.errors import InputError
from serving.churn_tables import FORMATS, Answer, Format

NAMES: Final[dict[str, str]] = {".csv": "csv", ".gz": "csv", ".ndjson": "ndjson", ".parquet": "parquet"}
PERSONAL: Final = 0o600
"""The mode of a file with names and addresses: its owner's alone."""


def write_file(path: Path, batches: Iterable[Sequence[Answer]], formats: Sequence[Format] = FORMATS, *, mode: int | None = None) -> int:
    """Writes the rows by the file's ending (.csv, .csv.gz, .ndjson, .parquet) and gives their number; whoever reads the file meanwhile reads the old one.

    `mode` is the file's from its first byte on; None leaves it to the system.

    Raises InputError for another ending, and where the file cannot be written.
    """
    check_output(path)
    part = path.with_name(f".{path.name}.part")
    counted = _Counted(batches)
    written = next(each for each in formats if each.name == NAMES[path.suffix])
    try:
        part.unlink(missing_ok=True)
        with _opened(part, mode) as file:
            for piece in written.parts(counted):
                file.write(piece)
        part.replace(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}.", remedy="Name a file where you may write and there is room."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return counted.rows


class _Counted:
    """Batches, and how many rows were in those that were taken."""

    def __init__(self, batches: Iterable[Sequence[Answer]]) -> None:
        self._batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[Sequence[Answer]]:
        for batch in self._batches:
            self.rows += len(batch)
            yield batch


def _opened(path: Path, mode: int | None) -> IO[bytes]:
    if mode is not None:
        path.touch(mode=mode)
    return cast(IO[bytes], gzip.open(path, "wb", compresslevel=6)) if path.name.endswith(".gz.part") else path.open("wb")
