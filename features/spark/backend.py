"""Ibis on a Spark session, with Arrow at both ends: pandas stands between them nowhere."""

import warnings
from collections.abc import Mapping
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from ibis.backends.pyspark import Backend as PySparkBackend
from ibis.formats.pandas import PandasData
from ibis.formats.pyarrow import PyArrowData

from features.spark.compiler import Compiler


class Backend(PySparkBackend):  # type: ignore[misc]  # Ibis has no types to check against
    """A Spark session of its own: its tables are not seen by others on the same Spark."""

    compiler = Compiler()

    def disconnect(self) -> None:
        """Forgets this session's tables; Spark itself is stopped by `session.stop`."""
        for table in self._session.catalog.listTables():
            if table.isTemporary:
                self._session.catalog.dropTempView(table.name)

    def hold(self, name: str, rows: Any) -> ibis.Table:
        """These rows as a table of the session."""
        self._session.createDataFrame(rows).createOrReplaceTempView(name)
        return self.table(name)

    def to_pyarrow(self, expr: Any, /, *, params: Mapping[Any, Any] | None = None, limit: int | str | None = None, **_options: Any) -> Any:
        """The result as Arrow, as Ibis gives it on every engine: a table, a column or a scalar."""
        table = expr.as_table()
        return expr.__pyarrow_result__(PyArrowData.convert_table(self._collected(table, params, limit), table.schema()))

    def execute(self, expr: Any, /, *, params: Mapping[Any, Any] | None = None, limit: int | str | None = None, **_options: Any) -> Any:
        """The result as pandas, with the types that DuckDB's would have."""
        table = expr.as_table()
        columns = self._collected(table, params, limit)
        frame = pd.DataFrame({name: _values(column) for name, column in zip(columns.column_names, columns.columns, strict=True)})
        return expr.__pandas_result__(PandasData.convert_table(frame, table.schema()))

    def _collected(self, table: Any, params: Mapping[Any, Any] | None, limit: int | str | None) -> Any:
        self._run_pre_execute_hooks(table)
        rows = self._session.sql(self.compile(table, params=params, limit=limit))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # Spark leaves the socket that the result came through to the collector
            return rows.toArrow()

    def _register_in_memory_table(self, op: Any) -> None:
        self.hold(op.name, op.data.to_pyarrow(op.schema))


def _values(column: Any) -> Any:
    return column.to_pylist() if pa.types.is_nested(column.type) or column.null_count else column.to_pandas()
