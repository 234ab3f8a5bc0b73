"""A function of pandas tables over many customers at once, on Spark's workers: each part holds all the rows of its customers."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pandas as pd
import pyarrow as pa
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

from features.contract import CUSTOMER_ID
from features.spark.backend import Backend

ROWS: Final = 200_000  # of a part, about: what a worker holds at once
_POSITION: Final = "position"
_TYPES: Final = {"str": StringType(), "int64": LongType(), "float64": DoubleType()}


def map_customers(
    engine: Backend, function: Callable[[pd.DataFrame], pd.DataFrame], rows: pd.DataFrame, columns: Mapping[str, str], *, part: int = ROWS
) -> pd.DataFrame:
    """What `function` gives for parts of `rows`, put together and sorted by customer_id, the rest in its own order.

    `rows` has customer_id; the function sees whole customers, with the columns, types and order of `rows`, about `part` rows at once. It
    gives `columns` (name to str, int64 or float64), among them customer_id, and must treat customers one by one. It goes to the workers,
    which need this package and its libraries; a model that it needs is better read there than sent along.
    """
    if rows.empty:
        return function(rows)
    told = _numbered(rows)
    found = (
        engine._session.createDataFrame(told)
        .repartition(max(1, -(-len(rows) // part)), CUSTOMER_ID)
        .sortWithinPartitions(_POSITION)
        .mapInPandas(_whole(function, rows.iloc[:0], list(columns)), _schema(columns))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Spark leaves the socket that the result came through to the collector
        table = found.toArrow()
    lists: pd.DataFrame = table.to_pandas().astype(dict(columns))
    return lists.sort_values(CUSTOMER_ID, kind="stable", ignore_index=True)


def _whole(
    function: Callable[[pd.DataFrame], pd.DataFrame], like: pd.DataFrame, names: list[str]
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """The function over all the batches of a part at once, typed `like` the rows: a customer's rows may come in two batches."""

    def mapped(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        if held := [batch for batch in batches if len(batch)]:
            rows = pd.concat(held, ignore_index=True).drop(columns=_POSITION)
            yield function(rows.astype(like.dtypes.to_dict()))[names]

    return mapped


def _numbered(rows: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    return table.append_column(_POSITION, pa.array(range(len(rows)), pa.int64()))


def _schema(columns: Mapping[str, str]) -> StructType:
    return StructType([StructField(name, _TYPES[kind]) for name, kind in columns.items()])
