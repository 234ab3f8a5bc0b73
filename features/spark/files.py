"""Many Parquet files that Spark's workers wrote, as the one file that a home has per table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

_GROUP_ROWS: Final = 122_880  # as DuckDB's
_SHARED_OPTIONS: Final = ("compression", "compression_level")


def merge(parts: Path, path: Path, options: Mapping[str, Any]) -> None:
    """Writes the rows of all files in the folder `parts`, in the order of their names, to `path`; a row group at a time is in memory.

    Of `options`, those that are not DuckDB's alone are followed.
    """
    files = sorted(parts.glob("part-*.parquet"))
    schema = pq.read_schema(files[0]).remove_metadata()
    with pq.ParquetWriter(path, schema, **{name: options[name] for name in _SHARED_OPTIONS if name in options}) as writer:
        for file in files:
            for rows in pq.ParquetFile(file).iter_batches(batch_size=_GROUP_ROWS):
                writer.write_batch(rows, row_group_size=_GROUP_ROWS)


def plain(path: str) -> str:
    """A path whose signs (* ? [ ] { }) mean themselves."""
    return "".join(f"\\{sign}" if sign in "*?[]{}\\" else sign for sign in path)
