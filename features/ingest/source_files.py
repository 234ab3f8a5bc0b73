"""Outside files as they lie on disk: what they are, and text files made uniform (UTF-8, one kind of line end, not compressed)."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.errors import InputError

SEPARATORS: Final = (",", ";", "\t", "|")
_CHUNK: Final = 1 << 20
_HEAD: Final = 1 << 16
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_FOREIGN: Final = {
    b"PK\x03\x04": "a spreadsheet or zip archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"BZh": "compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "compressed with zstandard",
    b"\xfd7zXZ": "compressed with xz",
}
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class TextFile:
    """A text file made uniform: where the uniform copy lies, its first lines, and how many lines and leading blank lines there were."""

    path: Path
    head: str
    line_count: int
    leading: int


def is_parquet(path: Path) -> bool:
    """Whether the file is Parquet, by its content.

    Raises InputError if the file is missing, unreadable, empty, or of a kind that its name or content shows to be another.
    """
    start = _start(path)
    if not start:
        raise InputError(f"{path} is empty.", remedy="Export it again, or leave it out.")
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise InputError(f"{path} is {what}.", remedy="Save it as CSV, CSV.gz or Parquet.")
    if path.suffix == ".gz" and not start.startswith(_GZIP):
        raise InputError(f"{path} is named .gz and is not compressed with gzip.", remedy="Rename it, or compress it with gzip.")
    if path.suffix == ".parquet" and not start.startswith(_PARQUET):
        raise InputError(f"{path} is named .parquet and is not Parquet.", remedy="Rename it, or write it again.")
    return start.startswith(_PARQUET)


def make_uniform(path: Path, encoding: str, copy: Path) -> TextFile:
    """Writes the text of `path` to `copy`, as UTF-8 with newlines, without byte order mark and leading blank lines.

    Raises InputError if the file is binary, cut off, empty, or not written in `encoding` (naming the first such line).
    """
    head, newlines, leading, last = "", 0, 0, "\n"
    with copy.open("w", encoding="utf-8", newline="") as out:
        for text in _texts(path, encoding):
            if not newlines and not head:
                bare = text.lstrip("\ufeff").lstrip("\n")
                leading += text.count("\n") - bare.count("\n")
            else:
                bare = text
            head += bare[: _HEAD - len(head)]
            newlines += bare.count("\n")
            last = bare[-1:] or last
            out.write(bare)
    if not head.strip():
        raise InputError(f"{path} is empty.", remedy="Export it again, or leave it out.")
    return TextFile(copy, head, newlines + (last != "\n"), leading)


def separator(head: str) -> str:
    """The separator that the first line uses most; a comma where it uses none."""
    first = head.split("\n", 1)[0]
    outside = "".join(part for i, part in enumerate(first.split('"')) if i % 2 == 0)
    counts = {s: outside.count(s) for s in SEPARATORS}
    return max(counts, key=lambda s: counts[s])


def first_row(head: str, separator: str) -> tuple[list[str], int]:
    """The cells of the first row, and the number of lines that it covers."""
    reader = csv.reader(io.StringIO(head), delimiter=separator)
    cells = next(reader)
    return [cell.strip() for cell in cells], reader.line_num


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.", remedy="Check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder.", remedy="Name the files in it.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", remedy="Check that you may read it.") from error


def _texts(path: Path, encoding: str) -> Iterator[str]:
    start = _start(path)
    if start.startswith(_UTF16):
        encoding = "utf-16"
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    lines = 0
    for chunk, final in _chunks(path, compressed=start.startswith(_GZIP)):
        try:
            text = newlines.decode(decoder.decode(chunk, final), final)
        except UnicodeDecodeError as error:
            line = lines + chunk[: error.start].count(b"\n") + 1
            raise InputError(
                f"{path}: line {line:,} is not written in {encoding}.",
                remedy="Save the file as UTF-8, or name its encoding in the mapping, e.g. {orders: {encoding: latin-1}}.",
            ) from error
        if "\0" in text:
            raise InputError(f"{path} is no text file.", remedy="Give CSV, CSV.gz or Parquet.")
        lines += text.count("\n")
        yield text


def _chunks(path: Path, *, compressed: bool) -> Iterator[tuple[bytes, bool]]:
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            chunk = file.read(_CHUNK)
            while chunk:
                following = file.read(_CHUNK)
                yield chunk, not following
                chunk = following
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged or cut off: gzip cannot unpack it.", remedy="Copy or export it again.") from error
