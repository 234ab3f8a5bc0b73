"""Outside files as tables: every row of a text file as text, of a Parquet file as it is, with the row's place in the file."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final

import ibis
from ibis import _

from features.errors import InputError
from features.ingest.mapping import WHITESPACE, TableMapping
from features.ingest.source_files import TextFile, first_row, is_parquet, make_uniform, separator

ROW: Final = "__row"
_NO_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True)
class Misfits:
    """Lines that do not fit the file's columns: how many, the first one, and what it says."""

    count: int
    line: int
    text: str


@dataclass(frozen=True)
class RawFile:
    """One outside file: `rows` has its place ROW (0, 1, ...) and c0, c1, ... for `names`; `row_count` includes no misfits."""

    path: Path
    names: tuple[str, ...]
    rows: ibis.Table
    row_count: int
    misfits: Misfits | None = None
    lines_before: int | None = None
    line_count: int = 0

    def lines_of(self, rows: Iterable[int]) -> dict[int, int]:
        """In which line of a text file (the first is 1) these rows begin; in Parquet the row itself, counted from 1."""
        wanted = sorted(set(rows))
        before = self.lines_before or 0
        plain = self.lines_before is None or self.line_count == before + self.row_count
        return {row: row + before + 1 + (0 if plain else self._lines_within(row)) for row in wanted}

    def _lines_within(self, row: int) -> int:
        """Line ends inside quoted values above this row."""
        texts = [self.rows[c] for c in self.rows.columns if c != ROW]
        per_row = reduce(lambda a, b: a + b, [(t.length() - t.replace("\n", "").length()).fill_null(0) for t in texts])
        return int(self.rows.filter(self.rows[ROW] < row).aggregate(n=per_row.sum().fill_null(0)).to_pyarrow().column("n")[0].as_py())


def read_file(engine: ibis.BaseBackend, path: Path, options: TableMapping, *, workspace: Path, name: str) -> RawFile:
    """The file's rows, read by the engine into a temporary table called `name`; `workspace` holds the uniform copy meanwhile.

    Raises InputError if the file is missing, unreadable, damaged, empty, has a header only, or two columns of one name.
    """
    if is_parquet(path):
        return _read_parquet(engine, path, name)
    file = make_uniform(path, options.encoding, workspace / f"{name}.txt")
    try:
        read = _read_blanks if options.separator == WHITESPACE else _read_separated
        raw = read(engine, path, file, options, name)
    finally:
        file.path.unlink()
    if not raw.row_count and raw.misfits is None:
        raise InputError(f"{path} has a header and no rows.", remedy="Export it again, or leave it out.")
    return raw


def _read_separated(engine: ibis.BaseBackend, path: Path, file: TextFile, options: TableMapping, name: str) -> RawFile:
    by = options.separator or separator(file.head)
    cells, covered = first_row(file.head, by)
    names = _names(path, cells, options)
    columns = {f"c{i}": "string" for i in range(len(names))}
    loaded = _load(engine, file, name, columns, delim=by, quote='"', escape='"', header=options.header)
    rows = loaded.mutate(loaded.rowid().name(ROW))
    before = file.leading + (covered if options.header else 0)
    return RawFile(path, names, rows, _count(rows), _rejected(engine, name, file.leading), before, file.line_count + file.leading)


def _read_blanks(engine: ibis.BaseBackend, path: Path, file: TextFile, options: TableMapping, name: str) -> RawFile:
    names = _names(path, file.head.split("\n", 1)[0].split(), options)
    loaded = _load(engine, file, name, {"line": "string"}, delim=_NO_SEPARATOR, quote="", escape="", header=options.header)
    split = loaded.select(_.line, loaded.rowid().name(ROW), cells=_.line.strip().re_split(r"\s+"))
    fitting = split.cells.length() == len(names)
    rows = split.filter(fitting).select(ROW, **{f"c{i}": _.cells[i] for i in range(len(names))})
    before = file.leading + int(options.header)
    wrong = split.filter(~fitting).aggregate(n=_.count(), row=_[ROW].min(), text=_.line.argmin(_[ROW])).to_pyarrow().to_pylist()[0]
    misfits = Misfits(wrong["n"], wrong["row"] + before + 1, wrong["text"]) if wrong["n"] else None
    return RawFile(path, names, rows, _count(rows), misfits, before, before + _count(rows))


def _load(engine: ibis.BaseBackend, file: TextFile, name: str, columns: dict[str, str], **dialect: Any) -> ibis.Table:
    view = engine.read_csv(
        str(file.path),
        table_name=f"{name}_file",
        columns=columns,
        new_line="\\n",
        store_rejects=True,
        rejects_table=f"{name}_rejects",
        rejects_scan=f"{name}_scans",
        rejects_limit=0,
        **dialect,
    )
    return engine.create_table(name, view, temp=True)


def _rejected(engine: ibis.BaseBackend, name: str, leading: int) -> Misfits | None:
    rejects = engine.table(f"{name}_rejects")
    found = rejects.aggregate(n=_.line.nunique(), line=_.line.min(), text=_.csv_line.argmin(_.line)).to_pyarrow().to_pylist()[0]
    return Misfits(found["n"], found["line"] + leading, found["text"] or "") if found["n"] else None


def _read_parquet(engine: ibis.BaseBackend, path: Path, name: str) -> RawFile:
    try:
        view = engine.read_parquet(str(path), table_name=name, file_row_number=True)
        names = tuple(c for c in view.columns if c != "file_row_number")
        rows = view.select(view.file_row_number.name(ROW), **{f"c{i}": view[c] for i, c in enumerate(names)})
        count = _count(rows)
    except Exception as error:  # the engine's own class of errors is known to features.engine alone
        raise InputError(f"{path} cannot be read as Parquet.", remedy="Write it again; it may be cut off.") from error
    if not count:
        raise InputError(f"{path} has no rows.", remedy="Export it again, or leave it out.")
    return RawFile(path, names, rows, count)


def _names(path: Path, cells: list[str], options: TableMapping) -> tuple[str, ...]:
    names = options.names if options.names is not None else tuple(cells)
    lowered = [name.lower() for name in names if name]
    twice = next((name for name in names if name and lowered.count(name.lower()) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: column {twice!r} stands twice in the header.", remedy="Rename one of them, or leave one out.")
    if options.names is not None and len(cells) != len(names):
        raise InputError(
            f"{path}: the mapping names {len(names)} columns, and the first line has {len(cells)}.",
            remedy="Name every column of the file, and check its separator.",
        )
    return names


def _count(rows: ibis.Table) -> int:
    return int(rows.count().to_pyarrow().as_py())
