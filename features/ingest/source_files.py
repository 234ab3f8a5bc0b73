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

BLANKS: Final = " \t\n\r\v\f"
SIGNS: Final = BLANKS + "_"
SEPARATORS: Final = (",", ";", "\t", "|")
_LOOKED_FOR: Final = {sign.encode() for sign in SIGNS + '"'}
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
    """A uniform text: where it lies, its first lines, how many lines and leading blank lines there were, and which of SIGNS are in it."""

    path: Path
    head: str
    line_count: int
    leading: int
    signs: str = SIGNS


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


def make_uniform(path: Path, encoding: str, place: Path) -> TextFile:
    """The text of `path` at `place`, as UTF-8 with newlines, without byte order mark and leading blank lines: a link to it, or a copy.

    Raises InputError if the file is binary, cut off, empty, or not written in `encoding` (naming the first such line).
    """
    uniform = _as_it_is(path, place) if codecs.lookup(encoding).name == "utf-8" else None
    return uniform or _copied(path, encoding, place)


def _as_it_is(path: Path, place: Path) -> TextFile | None:
    """A link to a file that is uniform already (which costs a tenth of a copy), or None."""
    head, newlines, last, signs = b"", 0, b"", set[bytes]()
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            head += chunk[: _HEAD - len(head)] if len(head) < _HEAD else b""
            if b"\r" in chunk or b"\0" in chunk or head.startswith((b"\n", codecs.BOM_UTF8)) or not _continues(decoder, chunk):
                return None
            newlines += chunk.count(b"\n")
            last = chunk[-1:]
            signs |= {sign for sign in _LOOKED_FOR - signs if sign in chunk}
    if not head.strip() or decoder.getstate()[0]:
        return None
    place.symlink_to(path.resolve())  # a path of our own: the engine would take signs like * in the file's for a pattern
    within = b"".join(signs if b'"' in signs else signs - {b"\n"}).decode()  # a line end is in a value only if that is quoted
    return TextFile(place, head.decode("utf-8", "ignore"), newlines + (last != b"\n"), 0, "".join(s for s in SIGNS if s in within))


def _continues(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    """Whether this is UTF-8, after what the decoder has seen."""
    if chunk.isascii() and not decoder.getstate()[0]:
        return True
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


def _copied(path: Path, encoding: str, copy: Path) -> TextFile:
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
