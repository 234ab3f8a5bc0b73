"""Speed and memory of the features, each beside a named peer in the same run: CPU seconds (user + system) first.

    .venv/bin/python benchmarks/features.py                  10 million order lines, and 50 million for the memory: a quarter of an hour
    .venv/bin/python benchmarks/features.py --quick          1 million lines: a minute
    .venv/bin/python benchmarks/features.py --orders online_retail.csv.gz --mapping uci-online-retail

Every piece of work runs in a process of its own, on the same number of threads. Before anything is timed, the SQL and the pandas code
must give what the executor gives, in every column. What is measured, and what came out: docs/performance.md.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # beside this file, `import features` would find this file

import numpy as np
import pyarrow.parquet as pq

from benchmarks.compared_features import NAMES
from benchmarks.generated_shop import make_home
from benchmarks.measuring import Cost, measured

QUICK_LINES: Final = 1_000_000
PANEL_CUTS: Final = 12
CLOSE: Final = 1e-9


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, its figure, the target (the figure must not exceed it), and what it rests on."""

    what: str
    figure: float
    unit: str
    target: float | None
    detail: str

    @property
    def verdict(self) -> str:
        """met, or by how much the target is missed."""
        if self.target is None:
            return ""
        return "met" if self.figure <= self.target else f"MISSED by {self.figure / self.target - 1:.0%}"


def main() -> None:
    """Generates, compares, measures, prints."""
    given = _arguments()
    lines = QUICK_LINES if given.quick else given.lines
    with tempfile.TemporaryDirectory(prefix="nextbest-bench-", dir=given.folder) as name:
        bench = Bench(Path(name), given.threads, given.times)
        small, shop = bench.home(QUICK_LINES), bench.home(lines)
        one = bench.piece("ours", shop, times=given.times)
        rows = [bench.equal_to_peers(small), *bench.one_cut(one, shop, small, lines), *bench.panel(one, shop)]
        if given.lines_large and not given.quick:
            rows += bench.large(given.lines_large)
    rows += [*online_rows(200, 0, 0.5), *online_rows(2000, 2000, 2.0), *equality_rows(given.orders, given.mapping)]
    _print(rows)
    if given.output:
        given.output.write_text(json.dumps({"lines": lines, "threads": given.threads, "rows": [asdict(row) for row in rows]}, indent=2))


@dataclass(frozen=True)
class Bench:
    """Where the generated homes lie, on how many threads all work, and how often what is noisy is repeated."""

    folder: Path
    threads: int
    times: int

    def home(self, lines: int) -> Path:
        """A generated home of this size."""
        _say(f"generating {lines:,} order lines")
        return make_home(self.folder / f"lines-{lines}", lines, threads=self.threads).root

    def piece(self, name: str, home: Path, *, output: str = "-", cuts: int = 1, times: int = 1) -> Cost:
        """The cost of one of the pieces of `benchmarks.batch_pieces`."""
        cost = measured("batch_pieces", name, home, self.threads, output, cuts, times=times)
        _say(f"{name}, {cuts} cut-off{'s' if cuts > 1 else ''}, {home.name}: {cost}")
        return cost

    def equal_to_peers(self, home: Path) -> Row:
        """All three executors on the small home, column by column; ends the run where they differ."""
        paths = {name: self.folder / f"{name}.parquet" for name in ("ours", "sql", "pandas")}
        for name, path in paths.items():
            self.piece(name, home, output=str(path))
        greatest = max(_difference(paths["ours"], paths[peer]) for peer in ("sql", "pandas"))
        return Row(f"difference from SQL and pandas, {len(NAMES)} columns", greatest, "", CLOSE, "relative above 1")

    def one_cut(self, ours: Cost, shop: Path, small: Path, lines: int) -> list[Row]:
        """The features of one cut-off beside SQL and pandas, the making of the plan, and growth."""
        sql = self.piece("sql", shop, times=self.times)
        pandas, plan = self.piece("pandas", shop), self.piece("compiling", shop, times=self.times)
        less = self.piece("ours", small, times=self.times)
        growth = (ours.cpu_seconds - plan.cpu_seconds) / (less.cpu_seconds - plan.cpu_seconds) / (lines / QUICK_LINES)
        return [
            Row(f"{len(NAMES)} features, {lines:,} lines: CPU against SQL by hand", *_against(ours, sql), 1.25, _both(ours, sql)),
            Row("the same: CPU against pandas", *_against(ours, pandas), 0.5, _both(ours, pandas)),
            Row("compiling the plan", plan.cpu_seconds, "CPU-s", 0.5, ""),
            Row(f"growth from {QUICK_LINES:,} lines, against linear, without compiling", growth, "x", 1.2, _both(ours, less)),
        ]

    def panel(self, one: Cost, shop: Path) -> list[Row]:
        """Twelve cut-offs against one, to Arrow and to a file."""
        what = f"panel of {PANEL_CUTS} cut-offs against one, to"
        many = self.piece("ours", shop, cuts=PANEL_CUTS)
        to_file = partial(self.piece, "ours_to_parquet", shop, output=str(self.folder / "rows.parquet"))
        one_file, many_file = to_file(times=self.times), to_file(cuts=PANEL_CUTS)
        return [
            Row(f"{what} Arrow", *_against(many, one), 4.0, _both(many, one)),
            Row(f"{what} a Parquet file", *_against(many_file, one_file), 4.5, _both(many_file, one_file)),
        ]

    def large(self, lines: int) -> list[Row]:
        """Peak memory where the data are many times as large."""
        cost = self.piece("command", self.home(lines), output=str(self.folder / "large.parquet"))
        return [
            Row(
                f"nextbest features of {lines:,} lines, every feature to a Parquet file: peak memory",
                cost.peak_bytes / 2**30,
                "GB",
                1.5,
                str(cost),
            )
        ]


def online_rows(line_count: int, event_count: int, target_ms: float) -> list[Row]:
    """All features of one customer from the decoded history, beside its decoding and pandas."""
    told = measured("online_pieces", "costs", line_count, event_count, times=2).told
    who = f"online, {line_count:,} lines" + (f" and {event_count:,} events" if event_count else "")
    ours, pandas, decoding = told["ours_ms"], told["pandas_ms"], told["decoding_ms"]
    detail = f"pandas {pandas:.1f} ms for {len(NAMES)} features of the lines alone: {pandas / ours:.0f} x ours; decoding the history {decoding:.3f} ms"
    _say(f"{who}: {ours:.3f} ms; {detail}")
    return [Row(f"{who}: all features", ours, "CPU-ms", target_ms, detail)]


def equality_rows(orders: Path | None, mapping: str) -> list[Row]:
    """Online beside batch for every customer: of the simulated shop, and of the purchase history that was given."""
    rows = []
    for name, file in [("simulated shop", "-"), *([(orders.name, str(orders))] if orders else [])]:
        told = measured("online_pieces", "equality", file, mapping).told
        detail = (
            f"{told['customers']:,} customers x {told['features']} features x {told['cuts']} cut-offs, {told['compared']:,} values; "
            f"greatest in {told['where']}; {told['ms_per_customer']:.2f} CPU-ms per customer"
        )
        _say(f"online = batch, {name}: {told['greatest_difference']:.1e}; {detail}")
        rows.append(Row(f"online = batch, {name}: greatest difference", told["greatest_difference"], "", CLOSE, detail))
    return rows


def _difference(ours: Path, peer: Path) -> float:
    a, b = (pq.read_table(path).to_pandas().sort_values("customer_id", ignore_index=True) for path in (ours, peer))
    if not a["customer_id"].equals(b["customer_id"]):
        raise SystemExit(f"{peer.stem}: other customers than ours.")
    greatest = 0.0
    for name in NAMES:
        x, y = a[name].to_numpy(float), b[name].to_numpy(float)
        if apart := int((np.isnan(x) != np.isnan(y)).sum()):
            raise SystemExit(f"{peer.stem}: {name} is missing in one of the two for {apart:,} of {len(x):,} customers.")
        greatest = max(greatest, float(np.nanmax(np.abs(x - y) / np.maximum(1.0, np.abs(x)), initial=0.0)))
        if greatest > CLOSE:
            raise SystemExit(f"{peer.stem}: {name} differs by {greatest:.1e}.")
    return greatest


def _against(ours: Cost, peer: Cost) -> tuple[float, str]:
    return ours.cpu_seconds / peer.cpu_seconds, "x"


def _both(ours: Cost, peer: Cost) -> str:
    return f"{ours} | {peer}"


def _print(rows: list[Row]) -> None:
    print(f"\n{'':72s} {'figure':>10s}        {'target':>7s}")
    for row in rows:
        figure = f"{row.figure:10.1e}" if row.unit == "" else f"{row.figure:10.2f}"
        target = "" if row.target is None else f"{row.target:g}"
        print(f"{row.what:72s} {figure} {row.unit:6s} {target:>7s}  {row.verdict}\n    {row.detail}".rstrip())


def _say(text: str) -> None:
    print(text, flush=True)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000_000, help="generated order lines (%(default)s)")
    parser.add_argument("--lines-large", type=int, default=50_000_000, help="lines of the memory row (%(default)s); 0 leaves it out")
    parser.add_argument("--quick", action="store_true", help="1 million lines, and no memory row")
    parser.add_argument("--threads", type=int, default=2, help="of every piece of work (%(default)s)")
    parser.add_argument("--times", type=int, default=2, help="runs of what is noisy; the cheapest counts (%(default)s)")
    parser.add_argument("--orders", type=Path, help="a purchase history of which every customer is compared, online with batch")
    parser.add_argument("--mapping", default="", help="how to read it: a YAML file or a preset")
    parser.add_argument("--folder", type=Path, help="where the generated homes lie while it runs (3 GB), instead of the system's place")
    parser.add_argument("--output", type=Path, help="also write the rows as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
