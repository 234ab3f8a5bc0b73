"""Churn answers as tables, in the formats of `serving.table_formats`.

A row is a tuple of plain values in the order of `NAMES`: the fields of the JSON answer, reasons as a list of sentences.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row

from serving.state.tables import PUBLISHED_SCORES
from serving.stored_score import in_words
from serving.table_formats import Answer, Format, formats_of

__all__ = ["CSV", "FORMATS", "NAMES", "NDJSON", "PARQUET", "SCHEMA", "STORED", "Answer", "Format", "published_answers"]

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


CSV, NDJSON, PARQUET = FORMATS = formats_of(SCHEMA)
