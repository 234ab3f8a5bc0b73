"""Ingest of a generated CSV file of order lines, beside DuckDB's own COPY of the same file to Parquet: CPU, wall time and peak memory.

    python benchmarks/ingest.py --lines 10_000_000

Both run as processes of their own, on the same threads, one after the other; the ratio is of CPU time (user + system).
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # beside this file lies a features.py, which is not the package

import duckdb

from features.home import open_home
from features.ingest.run import ingest

TARGET = 2.5
TODAY = datetime(2026, 1, 1)

# Orders come in the order of their instants, as exports do; two of five customers' orders are few, some customers buy often.
GENERATE = """
COPY (
    WITH orders AS (
        SELECT
            range AS number,
            1 + floor({customers} * pow(hash(range, 1) / 18446744073709551616.0, 1.6))::BIGINT AS customer,
            TIMESTAMP '2023-01-01' + to_microseconds(range * (94608000000000 // {orders})) AS placed_at,
            1 + (hash(range, 2) % 5)::BIGINT % 4 AS line_count
        FROM range({orders})
    ),
    lines AS (
        SELECT orders.*, hash(number, 10 + line) AS draw
        FROM orders, range(4) AS t(line)
        WHERE line < line_count
    )
    SELECT
        'C' || lpad(customer::VARCHAR, 7, '0') AS customer_id,
        'O' || (1000000 + number) AS order_id,
        'SKU-' || lpad((floor(20000 * pow((draw % 1000003) / 1000003.0, 3)))::BIGINT::VARCHAR, 5, '0') AS product_id,
        strftime(placed_at, '%Y-%m-%d %H:%M:%S') AS ordered_at,
        CASE WHEN draw % 47 = 0 THEN -1 ELSE 1 + draw % 3 END AS quantity,
        round(3 + (draw % 9973) / 100.0, 2)::DECIMAL(9, 2) AS unit_price,
        CASE WHEN draw % 7 = 0 THEN 1.5 ELSE 0 END::DECIMAL(9, 2) AS discount_amount,
        ['web', 'store', 'app', 'phone'][1 + (draw % 11 % 4)::BIGINT] AS channel,
        CASE WHEN draw % 11 % 4 = 1 THEN 'S' || (draw % 40) END AS store_id,
        'EUR' AS currency
    FROM lines
    LIMIT {lines}
) TO '{path}' (FORMAT csv, HEADER)
"""


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    cpu_seconds: float
    wall_seconds: float
    peak_gigabytes: float

    def __str__(self) -> str:
        return f"{self.cpu_seconds:8.1f} CPU-s {self.wall_seconds:8.1f} s {self.peak_gigabytes:8.2f} GB at most"


def generate(path: Path, lines: int, customers: int) -> None:
    """Writes the file of order lines."""
    orders = lines // 2 + 1000  # 2.2 lines each
    duckdb.sql(GENERATE.format(path=path, lines=lines, orders=orders, customers=customers))


def copy(source: Path, folder: Path, threads: int) -> None:
    """The peer: DuckDB's own conversion."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}; SET enable_progress_bar = false")
    connection.execute(f"COPY (SELECT * FROM read_csv('{source}')) TO '{folder / 'copy.parquet'}' (FORMAT parquet)")


def ours(source: Path, folder: Path, threads: int) -> None:
    """The whole of an ingestion, into a home that is empty or holds the same already."""
    ingest(open_home(folder / "home"), {"orders": [source]}, today=TODAY, threads=threads)


def measured(work: Callable[[Path, Path, int], None], source: Path, folder: Path, threads: int) -> Cost:
    """What a process of its own takes for this."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sender, work, source, folder, threads))
    process.start()
    sender.close()
    try:
        cost: Cost = receiver.recv()
    except EOFError as error:
        raise SystemExit(f"{work.__name__} failed") from error
    process.join()
    return cost


def _measure(sender: "multiprocessing.connection.Connection", work: Callable[..., None], source: Path, folder: Path, threads: int) -> None:
    start, before = time.perf_counter(), os.times()
    work(source, folder, threads)
    after, wall = os.times(), time.perf_counter() - start
    cpu = after.user + after.system - before.user - before.system
    sender.send(Cost(cpu, wall, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))


def main() -> None:
    """Generates, measures, prints, and leaves nothing behind."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--lines", type=int, default=10_000_000)
    arguments.add_argument("--customers", type=int, default=250_000)
    arguments.add_argument("--threads", type=int, default=os.cpu_count())
    arguments.add_argument("--again", action="store_true", help="ingest the file a second time, into the home that holds it")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="nextbest-bench-") as name:
        folder = Path(name)
        source = folder / "orders.csv"
        generate(source, given.lines, given.customers)
        print(f"{given.lines:,} lines, {source.stat().st_size / 2**30:.2f} GB of CSV, {given.threads} threads")
        peer = measured(copy, source, folder, given.threads)
        print(f"DuckDB COPY        {peer}")
        cost = measured(ours, source, folder, given.threads)
        ratio = cost.cpu_seconds / peer.cpu_seconds
        print(f"nextbest ingest    {cost}")
        print(f"ratio of CPU time  {ratio:8.2f} (target {TARGET}, {'met' if ratio <= TARGET else 'missed'})")
        if given.again:
            print(f"the same again     {measured(ours, source, folder, given.threads)}")


if __name__ == "__main__":
    main()
