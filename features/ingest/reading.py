"""Outside files as tables: every row of a text file as text, of a Parquet file as it is, in the file's order."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from glob import escape
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow.parquet as pq
from ibis import _

from features.errors import InputError
from features.ingest.given_files import Source
from features.ingest.mapping import WHITESPACE, TableMapping
from features.ingest.source_files import BLANKS, SIGNS, TextFile, first_row, make_uniform, separator

ROW: Final = "__row"
_NO_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True)
class Misfits:
    """Lines that do not fit the file's columns: how many, the first one, and what it says."""

    count: int
    line: int
    text: str


@dataclass(frozen=True)
class Place:
    """Where a row stands: its file, and its line there (the first is 1); in Parquet the row itself, counted from 1."""

    file: str
    line: int


@dataclass(frozen=True)
class RawFile:
    """One source: `rows` has c0, c1, ... for `names`, in the file's order; those that have ROW (0, 1, ...) are a table already.

    Rows without it are read from the file whenever they are asked for. `row_count` is known when they have been read once. `standing` are the
    rows as they stand in the file, if values of `rows` have been filled in.
    """

    source: Source
    names: tuple[str, ...]
    rows: ibis.Table
    text: TextFile | None = None
    header_lines: int = 0
    misfits: Misfits | None = None
    row_count: int = 0
    standing: ibis.Table | None = None

    @property
    def path(self) -> Path:
        """The file, or the folder of files, as the user named it."""
        return self.source.path

    @property
    def read_count(self) -> int:
        """Rows and lines that are none."""
        return self.row_count + (self.misfits.count if self.misfits else 0)

    @property
    def signs(self) -> str:
        """Those of SIGNS that may be in a value."""
        return SIGNS if self.text is None else self.text.signs

    @property
    def blanks(self) -> str:
        """The blanks that may stand around a value."""
        return "".join(sign for sign in self.signs if sign in BLANKS)

    def places_of(self, rows: Iterable[int]) -> dict[int, Place]:
        """Where these rows begin."""
        wanted = sorted(set(rows))
        if self.text is None:
            return {row: self._place_in_parquet(row) for row in wanted}
        before = self.text.leading + self.header_lines
        plain = self.text.line_count == self.header_lines + self.row_count
        return {row: Place(str(self.path), row + before + 1 + (0 if plain else self._lines_within(row))) for row in wanted}

    def close(self) -> None:
        """Takes the uniform copy away; rows that are no table cannot be asked for any more."""
        if self.text is not None:
            self.text.path.unlink(missing_ok=True)

    def _place_in_parquet(self, row: int) -> Place:
        above = 0
        for file in self.source.files:
            count = pq.read_metadata(file).num_rows
            if row < above + count:
                return Place(str(file), row - above + 1)
            above += count
        return Place(str(self.path), row + 1)

    def _lines_within(self, row: int) -> int:
        """Line ends inside quoted values above this row."""
        rows = self.rows if self.standing is None else self.standing
        texts = [rows[c] for c in rows.columns if c != ROW and rows[c].type().is_string()]
        per_row = reduce(lambda a, b: a + b, [(t.length() - t.replace("\n", "").length()).fill_null(0) for t in texts])
        number = rows[ROW] if ROW in rows.columns else ibis.row_number()
        counted = rows.select(number=number, within=per_row)
        return int(counted.filter(_.number < row).aggregate(n=_.within.sum().fill_null(0)).to_pyarrow().column("n")[0].as_py())


def read_source(engine: ibis.BaseBackend, source: Source, options: TableMapping, *, workspace: Path, name: str) -> RawFile:
    """The source's rows, read by the engine under `name`; `workspace` holds a uniform copy of a text file until the source is closed.

    Raises InputError if a file is damaged, empty, or has two columns of one name.
    """
    if source.parquet:
        return _read_parquet(engine, source, workspace, name)
    file = make_uniform(source.path, options.encoding, workspace / f"{name}.txt")
    read = _read_blanks if options.separator == WHITESPACE else _read_separated
    return _partitioned(read(engine, source, file, options, name))


def numbered(engine: ibis.BaseBackend, raw: RawFile, name: str) -> RawFile:
    """The same rows as a table of the engine, called `name`, with ROW."""
    if ROW in raw.rows.columns:
        return raw
    loaded = engine.create_table(name, raw.rows, temp=True)
    return replace(raw, rows=loaded.mutate(loaded.rowid().name(ROW)))


def counted(engine: ibis.BaseBackend, raw: RawFile, row_count: int, name: str) -> RawFile:
    """The source whose rows have been read as `name`, with their number and with what did not fit; InputError if there is no row at all."""
    misfits = raw.misfits or (_rejected(engine, name, raw.text.leading) if raw.text is not None else None)
    if not row_count and misfits is None:
        what = "has no rows" if raw.text is None else "has a header and no rows"
        raise InputError(f"{raw.path} {what}.", remedy="Export it again, or leave it out.")
    return replace(raw, row_count=row_count, misfits=misfits)


def _read_separated(engine: ibis.BaseBackend, source: Source, file: TextFile, options: TableMapping, name: str) -> RawFile:
    by = options.separator or separator(file.head)
    cells, covered = first_row(file.head, by)
    names = _names(source.path, cells, options)
    columns = {f"c{i}": "string" for i in range(len(names))}
    rows = _lines(engine, file, name, columns, delim=by, quote='"', escape='"', header=options.header)
    return RawFile(source, names, rows, file, covered if options.header else 0)


def _read_blanks(engine: ibis.BaseBackend, source: Source, file: TextFile, options: TableMapping, name: str) -> RawFile:
    names = _names(source.path, file.head.split("\n", 1)[0].split(), options)
    lines = _lines(engine, file, name, {"line": "string"}, delim=_NO_SEPARATOR, quote="", escape="", header=options.header)
    loaded = engine.create_table(f"{name}_lines", lines, temp=True)
    split = loaded.select(_.line, loaded.rowid().name(ROW), cells=_.line.strip().re_split(r"\s+"))
    fitting = split.cells.length() == len(names)
    rows = split.filter(fitting).select(ROW, **{f"c{i}": _.cells[i] for i in range(len(names))})
    before = file.leading + int(options.header)
    wrong = split.filter(~fitting).aggregate(n=_.count(), row=_[ROW].min(), text=_.line.argmin(_[ROW])).to_pyarrow().to_pylist()[0]
    misfits = Misfits(wrong["n"], wrong["row"] + before + 1, wrong["text"]) if wrong["n"] else None
    return RawFile(source, names, rows, file, int(options.header), misfits)


def _lines(engine: ibis.BaseBackend, file: TextFile, name: str, columns: dict[str, str], **dialect: Any) -> ibis.Table:
    return engine.read_csv(
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


def _rejected(engine: ibis.BaseBackend, name: str, leading: int) -> Misfits | None:
    rejects = engine.table(f"{name}_rejects")
    found = rejects.aggregate(n=_.line.nunique(), line=_.line.min(), text=_.csv_line.argmin(_.line)).to_pyarrow().to_pylist()[0]
    return Misfits(found["n"], found["line"] + leading, found["text"] or "") if found["n"] else None


def _partitioned(raw: RawFile) -> RawFile:
    """With the columns that the folders' names say, which win over the file's own."""
    said = raw.source.partitions
    kept = [i for i, name in enumerate(raw.names) if name not in said]
    if not said:
        return raw
    values = [raw.rows[f"c{i}"] for i in kept] + [ibis.literal(value, "string") for value in said.values()]
    own = [ROW] if ROW in raw.rows.columns else []
    rows = raw.rows.select(*own, **{f"c{i}": value for i, value in enumerate(values)})
    return replace(raw, names=(*(raw.names[i] for i in kept), *said), rows=rows)


def _read_parquet(engine: ibis.BaseBackend, source: Source, workspace: Path, name: str) -> RawFile:
    try:
        view = _one_parquet(engine, source, workspace, name) if source.path in source.files else _many_parquets(engine, source, name)
    except Exception as error:  # the engine's own class of errors is known to features.engine alone
        said = str(error).splitlines()[0]
        many = len(source.files) > 1
        remedy = (
            "See that its folders name the same columns everywhere, or write it again." if many else "Write it again; it may be cut off."
        )
        raise InputError(f"{source.path} cannot be read as Parquet: {said}", remedy=remedy) from error
    names = _without_twins(source.path, tuple(view.columns))
    return RawFile(source, names, view.select(**{f"c{i}": view[c] for i, c in enumerate(view.columns)}))


def _one_parquet(engine: ibis.BaseBackend, source: Source, workspace: Path, name: str) -> ibis.Table:
    link = workspace / f"{name}.parquet"  # the engine would take signs like * in the file's own path for a pattern
    link.symlink_to(source.path.resolve())
    return engine.read_parquet(str(link), table_name=f"{name}_file", hive_partitioning=False)


def _many_parquets(engine: ibis.BaseBackend, source: Source, name: str) -> ibis.Table:
    files = [escape(str(file)) for file in source.files]
    return engine.read_parquet(
        files, table_name=f"{name}_file", union_by_name=True, hive_partitioning=_has_partitions(source), hive_types_autocast=False
    )


def _has_partitions(source: Source) -> bool:
    return any("=" in folder for file in source.files for folder in file.relative_to(source.path).parts[:-1])


def _names(path: Path, cells: list[str], options: TableMapping) -> tuple[str, ...]:
    names = _without_twins(path, options.names if options.names is not None else tuple(cells))
    if options.names is not None and len(cells) != len(names):
        raise InputError(
            f"{path}: the mapping names {len(names)} columns, and the first line has {len(cells)}.",
            remedy="Name every column of the file, and check its separator.",
        )
    return names


def _without_twins(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    lowered = [name.lower() for name in names if name]
    twice = next((name for name in names if name and lowered.count(name.lower()) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: column {twice!r} stands twice in the header.", remedy="Rename one of them, or leave one out.")
    return names
