"""What a table of the home has in its columns: their kinds, and the texts that stand in them."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Kind = Literal["number", "text", "instant", "other"]


@dataclass(frozen=True)
class ColumnValues:
    """The kind of a column, and every text that it has; None where it holds no texts."""

    kind: Kind
    texts: frozenset[str] | None = None


def column_values(path: Path, names: Collection[str]) -> dict[str, ColumnValues]:
    """Those of the columns called `names` that the Parquet file at `path` has; empty if there is no file. Flags are numbers, as rules see them."""
    if not path.exists():
        return {}
    wanted = [name for name in pq.read_schema(path).names if name in set(names)]
    table = pq.read_table(path, columns=wanted)
    return {name: _of(table[name]) for name in wanted}


def read_columns(path: Path, names: Collection[str]) -> pd.DataFrame | None:
    """Those of the columns called `names` that the Parquet file at `path` has, all its rows; None if there is no file."""
    if not path.exists():
        return None
    return pq.read_table(path, columns=[name for name in pq.read_schema(path).names if name in set(names)]).to_pandas()


def _of(column: "pa.ChunkedArray[Any]") -> ColumnValues:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return ColumnValues("text", frozenset(text for text in pc.unique(column).to_pylist() if text is not None))
    if pa.types.is_temporal(kind):
        return ColumnValues("instant")
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)
    return ColumnValues("number" if numbers else "other")
