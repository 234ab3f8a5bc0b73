"""The pieces of work over all customers, each run by itself: python -m benchmarks.batch_pieces PIECE HOME THREADS OUTPUT CUTS."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import hand_pandas, hand_sql
from benchmarks.compared_features import compared
from benchmarks.generated_shop import AS_OF, month_starts
from benchmarks.measuring import Stopwatch, tell
from features import batch
from features.engine import open_tables
from features.feature_files import write_features
from features.home import Home, open_home
from features.journey import load_stages


def ours(home: Home, threads: int, watch: Stopwatch, cuts: int) -> pa.Table:
    """The executor's rows as one Arrow table, the making of the plan counted."""
    tables = open_tables(home, threads=threads)
    with watch.time("work"):
        return pa.concat_tables(batch.parts(tables, month_starts(cuts), compared()))


def ours_to_parquet(home: Home, threads: int, watch: Stopwatch, cuts: int, output: Path) -> None:
    """The executor's rows written to a file, part by part."""
    tables = open_tables(home, threads=threads)
    with watch.time("work"):
        writer = None
        for part in batch.parts(tables, month_starts(cuts), compared()):
            writer = writer or pq.ParquetWriter(output, part.schema, compression="zstd", compression_level=1)
            writer.write_table(part)
        if writer:
            writer.close()


def command(home: Home, threads: int, watch: Stopwatch, output: Path) -> None:
    """All that `nextbest features` does: every feature, stages and attributes, to a file."""
    tables = open_tables(home, threads=threads)
    with watch.time("work"):
        write_features(tables, AS_OF, output, load_stages())


def compiling(home: Home, threads: int, watch: Stopwatch, cuts: int) -> None:
    """From the definitions to the engine's SQL."""
    tables = open_tables(home, threads=threads)
    with watch.time("work"):
        tables.engine.compile(batch.expression(tables, month_starts(cuts), compared(), ("products",)))


def sql(home: Home, threads: int, watch: Stopwatch) -> pa.Table:
    """The SQL written by hand."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}; SET enable_progress_bar = false")
    with watch.time("work"):
        rows: pa.Table = connection.execute(hand_sql.query(home.table("orders"), home.table("products"), AS_OF)).to_arrow_table()
    return rows


def pandas(home: Home, threads: int, watch: Stopwatch) -> pa.Table:
    """The pandas code; its reading of Parquet takes as many threads, its sums one."""
    pa.set_cpu_count(threads)
    with watch.time("work"):
        return pa.Table.from_pandas(hand_pandas.features(home.table("orders"), home.table("products"), AS_OF), preserve_index=False)


_PEERS: Final[dict[str, Callable[[Home, int, Stopwatch], pa.Table]]] = {"sql": sql, "pandas": pandas}


def main() -> None:
    """Runs the piece that the command line names."""
    piece, folder, threads, output, cuts = sys.argv[1:]
    home, watch, path = open_home(Path(folder)), Stopwatch(), Path(output)
    rows: pa.Table | None = None
    if piece == "compiling":
        compiling(home, int(threads), watch, int(cuts))
    elif piece == "ours_to_parquet":
        ours_to_parquet(home, int(threads), watch, int(cuts), path)
    elif piece == "command":
        command(home, int(threads), watch, path)
    else:
        rows = _PEERS[piece](home, int(threads), watch) if piece in _PEERS else ours(home, int(threads), watch, int(cuts))
        if output != "-":
            pq.write_table(rows, path)
    tell(watch, rows=rows.num_rows if rows else None, bytes=path.stat().st_size if path.exists() else None)


if __name__ == "__main__":
    main()
