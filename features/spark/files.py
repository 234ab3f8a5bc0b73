"""Many Parquet files that Spark's workers wrote, as the one file that a home has per table."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

_GROUP_ROWS: Final = 122_880  # as DuckDB's
_SHARED_OPTIONS: Final = ("compression", "compression_level")


def merge(parts: Path, path: Path, options: Mapping[str, Any]) -> None:
    """Writes the rows of all files in the folder `parts`, in the order of their names, to `path`; a row group at a time is in memory.

    The same rows give the same file, wherever one part ends and the next begins. Of `options`, those that are not DuckDB's alone are followed.
    """
    files = sorted(parts.glob("part-*.parquet"))
    schema = pq.read_schema(files[0]).remove_metadata()
    with pq.ParquetWriter(path, schema, **{name: options[name] for name in _SHARED_OPTIONS if name in options}) as writer:
        for rows in _groups(files, schema):
            writer.write_table(rows, row_group_size=_GROUP_ROWS)


def _groups(files: Iterable[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """All rows, as many at a time as a row group has."""
    waiting = schema.empty_table()
    for file in files:
        for rows in pq.ParquetFile(file).iter_batches(batch_size=_GROUP_ROWS):
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([rows]).cast(schema)])
            while waiting.num_rows >= _GROUP_ROWS:
                yield waiting.slice(0, _GROUP_ROWS).combine_chunks()
                waiting = waiting.slice(_GROUP_ROWS)
    if waiting.num_rows:
        yield waiting.combine_chunks()


def plain(path: str) -> str:
    """A path whose signs (* ? [ ] { }) mean themselves."""
    return "".join(f"\\{sign}" if sign in "*?[]{}\\" else sign for sign in path)
