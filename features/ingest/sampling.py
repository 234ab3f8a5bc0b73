"""The first rows of an outside file as text by column, and how the file is written: before there is a mapping for it."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from features.engine import connect
from features.errors import InputError
from features.ingest.mapping import WHITESPACE
from features.ingest.source_files import SEPARATORS, is_parquet, make_uniform, separator

_ROWS: Final = 1000
_ENCODINGS: Final = ("utf-8", "cp1252")
_ANY: Final = "latin-1"  # reads every byte


@dataclass(frozen=True)
class Sample:
    """Columns of text by name, and the mapping's options (separator, header, names, encoding) that reading them took."""

    columns: dict[str, list[str]]
    options: dict[str, Any]


def sample_of(path: Path) -> Sample:
    """The first rows of a CSV, CSV.gz, text or Parquet file; InputError if it is missing, empty, damaged, or none of these."""
    if is_parquet(path):
        return Sample(_parquet(path), {})
    head, encoding = _head(path)
    options = {} if encoding == _ENCODINGS[0] else {"encoding": encoding}
    lines = head.split("\n", 1)[0]
    if not any(sign in lines for sign in SEPARATORS) and len(lines.split()) > 1 and not re.search("[A-Za-z]", lines):
        return _sample([line.split() for line in head.splitlines()], {**options, "separator": WHITESPACE})
    return _sample(list(csv.reader(io.StringIO(head), delimiter=separator(head))), options)


def _sample(rows: list[list[str]], options: dict[str, Any]) -> Sample:
    """A first row without any letter is no header."""
    names = [name.strip() for name in rows[0]]
    if not any(re.search(r"[^\W\d]", name) for name in names):
        names = [f"column_{i + 1}" for i in range(len(names))]
        options, rows = {**options, "header": False, "names": names}, [[], *rows]
    whole = [row for row in rows[1 : _ROWS + 1] if len(row) == len(names)]
    if not whole:
        raise InputError("The file has a header and no rows.", remedy="Export it again, with rows.")
    return Sample({name: [row[i] for row in whole] for i, name in enumerate(names) if name}, options)


def _head(path: Path) -> tuple[str, str]:
    """The whole lines at the file's beginning, and the first encoding that reads the file."""
    for encoding in _ENCODINGS:
        try:
            return _text(path, encoding), encoding
        except InputError as error:
            if "is not written in" not in error.problem:
                raise
    return _text(path, _ANY), _ANY


def _text(path: Path, encoding: str) -> str:
    with TemporaryDirectory() as folder:
        file = make_uniform(path, encoding, Path(folder) / "uniform.txt")
        whole = file.line_count <= file.head.count("\n") + 1
        return file.head if whole else file.head.rsplit("\n", 1)[0]


def _parquet(path: Path) -> dict[str, list[str]]:
    engine = connect(threads=1)
    try:
        read = engine.read_parquet(str(path)).limit(_ROWS).to_pyarrow().to_pylist()
    except Exception as error:  # the engine's own class of errors is known to features.engine alone
        raise InputError(f"{path} cannot be read as Parquet.", remedy="Write it again; it may be cut off.") from error
    finally:
        engine.disconnect()
    if not read:
        raise InputError(f"{path} has no rows.", remedy="Export it again, or leave it out.")
    return {name: ["" if row[name] is None else str(row[name]) for row in read] for name in read[0]}
