"""One customer's features at request time, and their equality with the batch: python -m benchmarks.online_pieces PIECE ..."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks import hand_pandas
from benchmarks.measuring import Stopwatch, tell
from decisions.simulator import simulate, write
from features import batch, online
from features.cutoffs import default_as_of, first_order_at
from features.definitions import NAMES
from features.engine import Tables, open_tables
from features.histories import histories
from features.history import CustomerHistory
from features.home import open_home
from features.ingest.mapping import load_mapping
from features.ingest.run import ingest
from features.own_rows import ShopFacts
from features.products import known_products

NOW: Final = datetime(2025, 1, 1)
REPEATS: Final = 9
PRODUCTS: Final = pd.DataFrame(
    {
        "product_id": [f"P{i}" for i in range(1000)],
        "category": [f"Category {i % 40} > Part" for i in range(1000)],
        "list_price": [5.0 + i * 37 % 95 for i in range(1000)],
    }
)
Rows = list[dict[str, Any]]


def one_customer(line_count: int, event_count: int) -> tuple[Rows, Rows]:
    """Order lines and events over three years, three lines to an order."""
    rng = np.random.default_rng(7)
    minutes = np.sort(rng.integers(0, 1095 * 1440, line_count // 3 + 1))
    lines = [
        {
            "ordered_at": NOW - timedelta(days=1095) + timedelta(minutes=int(minutes[i // 3])),
            "order_id": f"O{i // 3}",
            "product_id": f"P{int(rng.integers(1000))}",
            "line_kind": "return" if i % 33 == 32 else "sale",
            "quantity": -1.0 if i % 33 == 32 else float(rng.integers(1, 4)),
            "unit_price": float(np.round(rng.uniform(5, 100), 2)),
            "discount_amount": float(rng.integers(0, 3)),
            "channel": ("web", "app", "store")[i // 3 % 3],
            "store_id": None,
        }
        for i in range(line_count)
    ]
    types = ("product_view", "page_view", "search", "add_to_cart", "email_sent", "email_opened", "survey_answered")
    events = [
        {
            "occurred_at": NOW - timedelta(minutes=int(minute)),
            "event_type": types[int(rng.integers(len(types)))],
            "product_id": f"P{int(rng.integers(50))}",
            "value": float(rng.integers(11)),
        }
        for minute in rng.integers(1, 1095 * 1440, event_count)
    ]
    return lines, events


def costs(line_count: int, event_count: int, watch: Stopwatch) -> dict[str, float]:
    """CPU milliseconds of our features, of decoding the history, and of pandas for the compared features of the same order lines."""
    lines, events = one_customer(line_count, event_count)
    packed = CustomerHistory.of(lines, events).to_bytes()
    facts = hand_pandas.product_facts(PRODUCTS)
    shop = ShopFacts({p: (category, level) for p, category, level in facts.itertuples()})
    history = CustomerHistory.from_bytes(packed)
    frame = pd.DataFrame(lines).assign(customer_id="C1")
    with watch.time("work"):
        return {
            "ours_ms": _milliseconds(lambda: online.features(history, NOW, shop), 200),
            "decoding_ms": _milliseconds(lambda: CustomerHistory.from_bytes(packed), 200),
            "pandas_ms": _milliseconds(lambda: hand_pandas.of_lines(frame, facts, NOW), 3),
        }


def _milliseconds(work: Callable[[], object], count: int) -> float:
    """CPU time of one call: the best of some rounds."""
    rounds = []
    work()
    for _ in range(REPEATS):
        before = time.process_time()
        for _ in range(count):
            work()
        rounds.append((time.process_time() - before) / count * 1e3)
    return min(rounds)


def equality(folder: Path, sources: dict[str, list[Path]], mapping: str | None, watch: Stopwatch) -> dict[str, Any]:
    """Every feature of every customer at several cut-offs, online beside batch."""
    home = open_home(folder / "home", timezone="UTC")
    ingest(home, sources, load_mapping(mapping) if mapping else None, today=datetime(2100, 1, 1), threads=2)
    tables = open_tables(home, threads=2)
    cuts = _cuts(tables)
    with watch.time("batch"):
        known = batch.features(tables, cuts).set_index(["customer_id", "as_of"])
    shop = ShopFacts(known_products(tables), tables.timezone)
    own = list(histories(tables, cuts[-1]))
    with watch.time("work"):
        found = [((who, cut), online.features(history, cut, shop)) for who, history in own for cut in cuts]
    given = pd.DataFrame([values for _, values in found], index=pd.MultiIndex.from_tuples([key for key, _ in found]))[list(NAMES)]
    beside = given.reindex(known.index)
    greatest, where = _difference(known[list(NAMES)], beside)
    return {
        "customers": len(own),
        "cuts": len(cuts),
        "rows": len(known),
        "compared": known[list(NAMES)].size,
        "features": len(NAMES),
        "greatest_difference": greatest,
        "where": where,
        "ms_per_customer": watch.cpu_seconds["work"] / len(found) * 1e3,
    }


def _cuts(tables: Tables) -> list[datetime]:
    last, first = default_as_of(tables), first_order_at(tables)
    assert first is not None
    return [first + (last - first) * part for part in (0.1, 0.3, 0.5, 0.7, 0.9)] + [last]


def _difference(known: pd.DataFrame, given: pd.DataFrame) -> tuple[float, str]:
    """The greatest difference, relative above 1, and the feature; infinite where only one of the two is missing."""
    a, b = known.to_numpy(float), given.to_numpy(float)
    apart = np.abs(a - b) / np.maximum(1.0, np.abs(a))
    apart[np.isnan(a) & np.isnan(b)] = 0.0
    apart[np.isnan(a) != np.isnan(b)] = np.inf
    by_feature = apart.max(axis=0)
    return float(by_feature.max()), str(known.columns[int(by_feature.argmax())])


def main() -> None:
    """costs LINES EVENTS, or equality ORDERS MAPPING; without a file, the simulated shop."""
    watch = Stopwatch()
    if sys.argv[1] == "costs":
        told: dict[str, Any] = costs(int(sys.argv[2]), int(sys.argv[3]), watch)
    else:
        with tempfile.TemporaryDirectory(prefix="nextbest-bench-") as name:
            folder = Path(name)
            if sys.argv[2] == "-":
                write(simulate(customers=1500, months=18, seed=3), folder / "shop", "parquet")
                files = {path.stem: [path] for path in sorted((folder / "shop").glob("*.parquet"))}
                told = equality(folder, files, None, watch)
            else:
                told = equality(folder, {"orders": [Path(sys.argv[2])]}, sys.argv[3] or None, watch)
    tell(watch, **json.loads(json.dumps(told)))


if __name__ == "__main__":
    main()
