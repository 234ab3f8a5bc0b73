"""What serving costs: real servers on loopback, ours beside a minimal FastAPI route and `mlflow models serve`, in one run.

    python -P benchmarks/serving.py --seconds 8 --output serving.json

A shop is simulated, all its champions are trained by the command line, and it is published to SQLite and, where it is installed, to PostgreSQL. wrk asks
for --seconds at a time (a loader of our own where wrk is not installed). CPU time is the server process's own; an answer of another status than
2xx ends the run.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import serving_routes as of_routes
from benchmarks.serving_growth import growth
from benchmarks.serving_load import Loaded
from benchmarks.serving_mlflow import mlflow_model
from benchmarks.serving_parts import OF_SHOP, OF_WIDE_SHOP
from benchmarks.serving_publish import publication
from benchmarks.serving_rows import Row, table
from benchmarks.serving_shop import Shop, make_shop, make_wide_shop, published
from benchmarks.serving_soak import soak
from benchmarks.throwaway_postgresql import postgresql

PARTS: Final = ("routes", "ingest", "workers", "events", "growth", "soak", "parts", "publish")


@dataclass(frozen=True)
class Run:
    """What is measured with: where files lie, database URLs by name (one for each shop), and what was asked on the command line."""

    folder: Path
    urls: Callable[[str], Mapping[str, str]]
    asked: argparse.Namespace


def main() -> None:
    """Measures, prints the table, and writes it where asked."""
    asked = _arguments()
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nextbest-bench-", dir=asked.folder)))
        run = Run(folder, lambda shop: _urls(stack, folder, shop, asked.databases), asked)
        for row in _measured(run):
            print(row.line(), file=sys.stderr, flush=True)
            rows.append(row)
    print(table(rows))
    if asked.output:
        asked.output.write_text(json.dumps([{**asdict(row), "met": row.met} for row in rows], indent=2), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2_000, help="of the simulated shop")
    parser.add_argument("--seconds", type=int, default=8, help="of each load")
    parser.add_argument("--databases", nargs="+", choices=("SQLite", "PostgreSQL"), default=["SQLite", "PostgreSQL"])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument("--products", nargs="*", type=int, default=[10_000], help="sizes of the range right after an event")
    parser.add_argument("--stored", nargs="+", type=int, default=[10_000, 100_000], help="numbers of stored customers to compare")
    parser.add_argument("--soak-minutes", type=float, default=0.0, help="0 leaves the soak out")
    parser.add_argument("--publish", type=int, default=0, help="customers of the publication; 0 leaves it out")
    parser.add_argument("--folder", type=Path, default=None, help="where files lie while it runs (default: the system's)")
    parser.add_argument("--output", type=Path, help="the rows as JSON, too")
    return parser.parse_args()


def _urls(stack: ExitStack, folder: Path, shop: str, databases: list[str]) -> Mapping[str, str]:
    """A new database of each kind for this shop; PostgreSQL where it is installed."""
    found = {"SQLite": f"sqlite:///{folder / shop}.db"}
    if "PostgreSQL" in databases and (url := stack.enter_context(postgresql())):
        found["PostgreSQL"] = url
    return {name: url for name, url in found.items() if name in databases}


def _measured(run: Run) -> Iterator[Row]:
    parts, asked = set(run.asked.parts), run.asked
    if parts - {"publish"}:
        home = run.folder / "home"
        make_shop(home, asked.customers)
        shops = [published(home, url) for url in run.urls("state").values()]
        mlflow = mlflow_model(run.folder, asked.seconds) if "routes" in parts else None
        for shop in shops:
            yield from chain.from_iterable(part for name, part in _of(shop, run, mlflow).items() if name in parts)
        if "events" in parts:
            yield from _wide(run, shops[0])
    if "publish" in parts and asked.publish:
        yield from publication(run.folder, run.urls("published"), asked.publish)


def _of(shop: Shop, run: Run, mlflow: Loaded | None) -> dict[str, Iterable[Row]]:
    """The parts that are measured on this database, each when it is gone through."""
    asked, folder = run.asked, run.folder
    return {
        "routes": _later(lambda: of_routes.routes(shop, asked.seconds, folder, mlflow)),
        "workers": _later(lambda: of_routes.workers(shop, asked.seconds, folder)),
        "soak": _later(lambda: soak(shop, asked.soak_minutes, folder) if asked.soak_minutes else []),
        "parts": chain.from_iterable(part(shop) for part in OF_SHOP),
        "growth": _later(lambda: growth(shop, shop.database, asked.stored, asked.seconds, folder)),
        "ingest": _later(lambda: of_routes.ingest(shop, asked.seconds, folder)),  # last: it leaves a hundred events of each customer
    }


def _later(rows: Callable[[], Iterable[Row]]) -> Iterator[Row]:
    """The rows, made when they are asked for."""
    yield from rows()


def _wide(run: Run, known: Shop) -> Iterator[Row]:
    """Answers right after an event, in shops of many products."""
    for products in run.asked.products:
        home = run.folder / f"home-{products}"
        make_wide_shop(home, known.home, max(products // 5, 1_000), products, known.as_of)
        for url in run.urls(f"state-{products}").values():
            shop = published(home, url)
            yield from of_routes.right_after(shop, run.asked.seconds, run.folder, products)
            if "parts" in run.asked.parts:
                yield from chain.from_iterable(part(shop) for part in OF_WIDE_SHOP)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
