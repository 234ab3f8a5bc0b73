"""One customer's list right now, all of it from their own rows, beside implicit's for the same customer: python -m benchmarks.affinity_speed PIECE FOLDER."""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from benchmarks.affinity_baskets import encode
from benchmarks.affinity_implicit import ALSSetting, als
from benchmarks.affinity_ours import command
from benchmarks.affinity_speed_shop import order_lines
from benchmarks.affinity_tables import markdown
from benchmarks.measuring import Stopwatch, measured, tell
from features.home import open_home
from training.affinity.model import AffinityModel
from training.affinity.signals import Signals

SHOPS: Final = {10_000: (10_000, 1.2), 100_000: (20_000, 3.0)}
"""By products: customers, and the milliseconds that half of the lists may take at most."""
ASKED: Final = 300
ROUNDS: Final = 3
LENGTH: Final = 20
LINES: Final = "lines.parquet"
FACTORS: Final = ALSSetting(64, 0.01, 1.0)


@dataclass(frozen=True)
class Timed:
    """Milliseconds of a list: wall time of the median and of the slowest in twenty, and CPU time on average."""

    p50: float
    p95: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.p50:.2f} / {self.p95:.2f} / {self.cpu:.2f}"


def speed_table(threads: int) -> str:
    """A row for each size of the range, as Markdown."""
    lines = []
    for products, (customers, limit) in SHOPS.items():
        with tempfile.TemporaryDirectory(prefix="nextbest-bench-") as place:
            folder = Path(place)
            table = order_lines(customers, products, np.random.default_rng(17))
            table.to_parquet(folder / LINES, index=False)
            command(folder, ["ingest", "--orders", str(folder / LINES)], threads)
            training = command(folder, ["train", "affinity"], threads)
            told, peer = (measured("affinity_speed", piece, folder).told for piece in ("ours", "peer"))
        ours, theirs = Timed(**told["timed"]), Timed(**peer["timed"])
        met = "met" if ours.p50 <= limit else "missed"
        lines.append(
            [f"{told['products']:,}", f"{told['rows']:.0f}", f"{ours}", f"{limit:g} ms: {met}", f"{theirs}", f"{ours.cpu / theirs.cpu:.1f}"]
        )
        lines[-1] += [f"{training}"]
    head = [
        "products",
        "rows of a customer",
        "ours: p50 / p95 / CPU ms",
        "p50 at most",
        "implicit's ALS with fold-in",
        "CPU ratio",
        "training",
    ]
    return markdown(head, lines)


def ours(folder: Path) -> dict[str, Any]:
    """`recommend_one` from a customer's own purchases, with the champion of the home in `folder`."""
    model = AffinityModel.load(open_home(folder / "home").champions / "affinity")
    lines = pd.read_parquet(folder / LINES)
    as_of = (lines["ordered_at"].max() + pd.Timedelta(seconds=1)).to_pydatetime()
    offered = model.offered([str(product_id) for product_id in model.product_ids])
    asked = [_signals(rows) for rows in asked_customers(lines).values()]
    timed = _timed([lambda own=own: model.recommend_one(own, as_of, LENGTH, offered=offered) for own in asked])  # type: ignore[misc]
    rows = float(np.mean([len(own.purchases) for own in asked]))
    return {"timed": vars(timed), "products": len(model.product_ids), "rows": rows}


def peer(folder: Path) -> dict[str, Any]:
    """implicit's `recommend` with `recalculate_user`, from a row of counts that is there already."""
    lines = pd.read_parquet(folder / LINES)
    baskets = encode(lines)
    counts = csr_matrix(baskets.table(np.ones(len(baskets.product))).astype(np.float32))
    model = als(FACTORS)
    model.fit(counts, show_progress=False)
    rows = [counts[c] for c in np.searchsorted(baskets.customer_ids, np.array(list(asked_customers(lines)), str)).tolist()]
    options: dict[str, Any] = {"N": LENGTH, "filter_already_liked_items": False, "recalculate_user": True}
    return {"timed": vars(_timed([lambda row=row: model.recommend(0, row, **options) for row in rows]))}  # type: ignore[misc]


def asked_customers(lines: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of ASKED customers by their ids, drawn the same at every run from all who ordered."""
    customers = np.sort(lines["customer_id"].unique().astype(str))
    drawn = np.sort(np.random.default_rng(5).permutation(customers)[:ASKED])
    return {str(c): rows for c, rows in lines[lines["customer_id"].isin(drawn)].groupby("customer_id")}


def _signals(rows: pd.DataFrame) -> Signals:
    instants = rows["ordered_at"].astype("datetime64[us]").astype("int64")
    return Signals(list(zip(rows["product_id"].tolist(), instants.tolist(), rows["quantity"].tolist(), strict=True)))


def _timed(asked: list[Callable[[], object]]) -> Timed:
    """Every list ROUNDS times, one after the other; the first round, which warms up, is not counted."""
    for ask in asked:
        ask()
    wall, cpu = [], time.process_time()
    for _ in range(ROUNDS):
        for ask in asked:
            began = time.perf_counter()
            ask()
            wall.append(time.perf_counter() - began)
    spent = (time.process_time() - cpu) / len(wall)
    return Timed(*(1e3 * float(seconds) for seconds in (np.median(wall), np.quantile(wall, 0.95), spent)))


def main() -> None:
    """Runs the piece that the command line names, on the shop in this folder."""
    piece, folder = sys.argv[1:]
    watch = Stopwatch()
    with watch.time("work"):
        told = {"ours": ours, "peer": peer}[piece](Path(folder))
    tell(watch, **told)


if __name__ == "__main__":
    main()
