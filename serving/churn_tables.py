"""Churn answers as tables: CSV for spreadsheets, NDJSON and Parquet for programs, written part by part as the rows come.

A row is a tuple of plain values in the order of `NAMES`: the fields of the JSON answer, reasons as a list of sentences.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import IO, Any, Final, cast

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from sqlalchemy import Row

from serving.state.tables import PUBLISHED_SCORES
from serving.stored_score import in_words

_TEXT, _NUMBER, _DAY = pa.string(), pa.float64(), pa.date32()
_FIELDS: Final[list[tuple[str, pa.DataType]]] = [
    ("customer_id", _TEXT),
    ("stage", _TEXT),
    ("churn_probability", _NUMBER),
    ("horizon_days", pa.int32()),
    ("as_of", pa.timestamp("us")),
    ("band", _TEXT),
    ("percentile", _NUMBER),
    ("percentile_within_stage", _NUMBER),
    ("segment", _TEXT),
    ("persona", _TEXT),
    ("expected_next_order_on", _DAY),
    ("expected_next_order_from", _DAY),
    ("expected_next_order_until", _DAY),
    ("average_days_between_orders", _NUMBER),
    ("expected_orders", _NUMBER),
    ("expected_spend", _NUMBER),
    ("clv", _NUMBER),
    ("historic_value", _NUMBER),
    ("reasons", pa.list_(_TEXT)),
    ("model_version", _TEXT),
    ("source", _TEXT),
    ("insufficient_data", pa.bool_()),
    ("why", _TEXT),
]
SCHEMA: Final = pa.schema(_FIELDS)
NAMES: Final[tuple[str, ...]] = tuple(SCHEMA.names)
STORED: Final[Mapping[str, str]] = {"percentile_within_stage": "percentile_in_stage"}
"""What a field is called in `published_scores`, where it is called otherwise."""

_REASONS: Final = NAMES.index("reasons")
_SOURCE: Final = NAMES.index("source")
_COLUMNS: Final = [column.name for column in PUBLISHED_SCORES.columns]
_PICKED: Final = itemgetter(*(_COLUMNS.index(STORED.get(name, name)) for name in NAMES if name != "source"))

Answer = tuple[Any, ...]
Batches = Iterable[Sequence[Answer]]

_FORMULA: Final = r"^[=+\-@\t\r]"
"""What a spreadsheet takes for a formula instead of a text."""


@dataclass(frozen=True)
class Format:
    """A kind of file: its name, its media type, and what writes it. The parts put together are the file; without its last part it is none."""

    name: str
    media_type: str
    parts: Callable[[Batches], Iterator[bytes]]


def published_answers(rows: Sequence[Row[Any]], locale: str, currency: str) -> list[Answer]:
    """Rows of `published_scores`, whole, as answers with reasons in this language, and money in this currency."""
    return [
        (
            *row[:_REASONS],
            [in_words(reason, locale, currency) for reason in row[_REASONS] or ()],
            *row[_REASONS + 1 : _SOURCE],
            "published",
            *row[_SOURCE:],
        )
        for row in map(_PICKED, rows)
    ]


def csv_parts(batches: Batches) -> Iterator[bytes]:
    """UTF-8 with a header. Texts stand in quotes and numbers do not; what is missing is empty; dates are ISO, reasons joined by "; "."""
    sink = _Sink()
    writer = pa.csv.CSVWriter(cast(IO[bytes], sink), _CSV_SCHEMA, write_options=pa.csv.WriteOptions(quoting_style="needed"))
    for batch in batches:
        writer.write_batch(_for_spreadsheets(_record_batch(batch)))
        yield sink.taken()
    writer.close()
    yield sink.taken()


def ndjson_parts(batches: Batches) -> Iterator[bytes]:
    """One JSON answer a line."""
    for batch in batches:
        yield b"".join(orjson.dumps(dict(zip(NAMES, answer, strict=True)), option=orjson.OPT_APPEND_NEWLINE) for answer in batch)


def parquet_parts(batches: Batches) -> Iterator[bytes]:
    """Typed columns, a row group for each batch."""
    sink = _Sink()
    writer = pq.ParquetWriter(cast(IO[bytes], sink), SCHEMA, compression="zstd")
    for batch in batches:
        writer.write_batch(_record_batch(batch))
        yield sink.taken()
    writer.close()
    yield sink.taken()


CSV: Final = Format("csv", "text/csv", csv_parts)
NDJSON: Final = Format("ndjson", "application/x-ndjson", ndjson_parts)
PARQUET: Final = Format("parquet", "application/vnd.apache.parquet", parquet_parts)
FORMATS: Final = (CSV, NDJSON, PARQUET)


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


def _record_batch(batch: Sequence[Answer]) -> Any:
    columns = zip(*batch, strict=True) if batch else [()] * len(NAMES)
    return pa.record_batch([pa.array(values, type=field.type) for values, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


_CSV_SCHEMA: Final = pa.schema([(field.name, _TEXT if field.name in ("as_of", "reasons") else field.type) for field in SCHEMA])


def _for_spreadsheets(batch: Any) -> Any:
    return pa.record_batch([_cells(batch.column(field.name), field) for field in SCHEMA], schema=_CSV_SCHEMA)


def _cells(column: Any, field: Any) -> Any:
    if field.name == "as_of":
        return pc.replace_substring_regex(pc.strftime(column, format="%Y-%m-%dT%H:%M:%S"), r"\.0+$", "")
    if field.name == "reasons":
        column = pc.binary_join(column, "; ")
    elif field.type != _TEXT:
        return column
    return pc.if_else(pc.match_substring_regex(column, _FORMULA), pc.binary_join_element_wise("'", column, ""), column)
