"""Ibis on a Spark session, with Arrow at both ends: pandas stands between them nowhere."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pandas as pd
import pyarrow as pa
from ibis.backends.pyspark import Backend as PySparkBackend
from ibis.formats.pandas import PandasData
from ibis.formats.pyarrow import PyArrowData

from features.spark.compiler import Compiler
from features.spark.files import merge, plain


class Backend(PySparkBackend):  # type: ignore[misc]  # Ibis has no types to check against
    """A Spark session of its own: its tables are not seen by others on the same Spark."""

    compiler = Compiler()

    def disconnect(self) -> None:
        """Forgets this session's tables; Spark itself is stopped by `session.stop`."""
        tables = self._session.catalog
        for name in [table.name for table in tables.listTables() if table.isTemporary]:
            tables.uncacheTable(name)
            tables.dropTempView(name)

    def hold(self, name: str, rows: Any) -> ibis.Table:
        """These rows as a table of the session."""
        self._session.createDataFrame(rows).createOrReplaceTempView(name)
        return self.table(name)

    def get_schema(self, table_name: str, **place: Any) -> Any:
        """The columns and their types; instants are to the microsecond, as everywhere else."""
        found = super().get_schema(table_name, **place)
        return ibis.schema({name: dt.Timestamp(scale=6) if kind.is_timestamp() else kind for name, kind in found.items()})

    def create_table(self, name: str, /, obj: Any = None, *, schema: Any = None, temp: bool | None = None, **options: Any) -> ibis.Table:
        """A table; a temporary one is worked out at first use, and kept in the workers' memory or on their disks."""
        if not temp or obj is None:
            return super().create_table(name, obj, schema=schema, temp=temp, **options)
        self._run_pre_execute_hooks(obj)
        self._session.sql(self.compile(obj)).persist().createOrReplaceTempView(name)
        return self.table(name)

    def read_parquet(self, path: Any, /, *, table_name: str | None = None, **options: Any) -> ibis.Table:
        """A Parquet file; signs in its path are no pattern."""
        return super().read_parquet(plain(str(path)), table_name=table_name, **options)

    def to_parquet(self, expr: Any, /, path: str | Path, *, params: Mapping[Any, Any] | None = None, **options: Any) -> None:
        """One Parquet file, in the order of the rows: the workers write beside it, where they must be able to, and this program merges."""
        self._run_pre_execute_hooks(expr)
        with TemporaryDirectory(dir=Path(path).parent, prefix=".parts-") as folder:
            self._session.sql(self.compile(expr.as_table(), params=params)).write.parquet(f"{folder}/all")
            merge(Path(folder) / "all", Path(path), options)

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

    def _register_udfs(self, expr: Any) -> None:
        """Functions that expressions call by name are the engine's own (`features.spark.words`), of types that Spark need not have."""

    def _register_in_memory_table(self, op: Any) -> None:
        self.hold(op.name, op.data.to_pyarrow(op.schema))


def _values(column: Any) -> Any:
    return column.to_pylist() if pa.types.is_nested(column.type) or column.null_count else column.to_pandas()
