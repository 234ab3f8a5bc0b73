"""Tables as files: CSV for spreadsheets, NDJSON and Parquet for programs, written part by part as the rows come.

A row is a tuple of plain values in the order of the table's schema; a list stays one in NDJSON and Parquet.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final, cast

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

Answer = tuple[Any, ...]
Batches = Iterable[Sequence[Answer]]

_TEXT: Final = pa.string()
_FORMULA: Final = r"^[=+\-@\t\r]"
"""What a spreadsheet takes for a formula instead of a text."""


@dataclass(frozen=True)
class Format:
    """A kind of file: its name, its media type, and what writes it. The parts put together are the file; without its last part it is none."""

    name: str
    media_type: str
    parts: Callable[[Batches], Iterator[bytes]]


def formats_of(schema: Any) -> tuple[Format, Format, Format]:
    """CSV, NDJSON and Parquet of tables of this Arrow schema.

    CSV is UTF-8 with a header. Texts stand in quotes and numbers do not; what is missing is empty; times are ISO, lists joined by "; ".
    """
    written = _Written(schema)
    return (
        Format("csv", "text/csv", written.csv_parts),
        Format("ndjson", "application/x-ndjson", written.ndjson_parts),
        Format("parquet", "application/vnd.apache.parquet", written.parquet_parts),
    )


@dataclass(frozen=True)
class _Written:
    """Writes tables of one schema."""

    schema: Any

    def csv_parts(self, batches: Batches) -> Iterator[bytes]:
        sink = _Sink()
        schema = pa.schema([(field.name, _cell_type(field.type)) for field in self.schema])
        writer = pa.csv.CSVWriter(cast(IO[bytes], sink), schema, write_options=pa.csv.WriteOptions(quoting_style="needed"))
        for batch in batches:
            found = self._record_batch(batch)
            writer.write_batch(pa.record_batch([_cells(found.column(field.name), field.type) for field in self.schema], schema=schema))
            yield sink.taken()
        writer.close()
        yield sink.taken()

    def ndjson_parts(self, batches: Batches) -> Iterator[bytes]:
        names = self.schema.names
        for batch in batches:
            yield b"".join(orjson.dumps(dict(zip(names, answer, strict=True)), option=orjson.OPT_APPEND_NEWLINE) for answer in batch)

    def parquet_parts(self, batches: Batches) -> Iterator[bytes]:
        sink = _Sink()
        writer = pq.ParquetWriter(cast(IO[bytes], sink), self.schema, compression="zstd")
        for batch in batches:
            writer.write_batch(self._record_batch(batch))
            yield sink.taken()
        writer.close()
        yield sink.taken()

    def _record_batch(self, batch: Sequence[Answer]) -> Any:
        columns = zip(*batch, strict=True) if batch else [()] * len(self.schema)
        arrays = [pa.array(values, type=field.type) for values, field in zip(columns, self.schema, strict=True)]
        return pa.record_batch(arrays, schema=self.schema)


class _Sink(io.RawIOBase):
    """Where a writer writes, emptied after every batch."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._written += len(part)
        return len(part)

    def tell(self) -> int:
        return self._written

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _cell_type(kind: Any) -> Any:
    return _TEXT if pa.types.is_timestamp(kind) or pa.types.is_list(kind) else kind


def _cells(column: Any, kind: Any) -> Any:
    if pa.types.is_timestamp(kind):
        return pc.replace_substring_regex(pc.strftime(column, format="%Y-%m-%dT%H:%M:%S"), r"\.0+$", "")
    if pa.types.is_list(kind):
        column = pc.binary_join(column, "; ")
    elif kind != _TEXT:
        return column
    return pc.if_else(pc.match_substring_regex(column, _FORMULA), pc.binary_join_element_wise("'", column, ""), column)
