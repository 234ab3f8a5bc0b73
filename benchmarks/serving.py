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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import serving_routes as of_routes
from benchmarks.serving_growth import growth
from benchmarks.serving_mlflow import mlflow_model
from benchmarks.serving_publish import publication
from benchmarks.serving_rows import Row, table
from benchmarks.serving_shop import Shop, make_shop, make_wide_shop, published
from benchmarks.serving_soak import soak
from benchmarks.throwaway_postgresql import postgresql

PARTS: Final = ("routes", "ingest", "workers", "events", "growth", "soak", "publish")


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
    parts, asked, folder = set(run.asked.parts), run.asked, run.folder
    if parts - {"publish"}:
        make_shop(folder / "home", asked.customers)
        shops = [published(folder / "home", url) for url in run.urls("state").values()]
        mlflow = mlflow_model(folder, asked.seconds) if "routes" in parts else None
        for shop in shops:
            if "routes" in parts:
                yield from of_routes.routes(shop, asked.seconds, folder, mlflow)
            if "workers" in parts:
                yield from of_routes.workers(shop, asked.seconds, folder)
            if "ingest" in parts:
                yield from of_routes.ingest(shop, asked.seconds, folder)
            if "soak" in parts and asked.soak_minutes:
                yield from soak(shop, asked.soak_minutes, folder)
            if "growth" in parts:
                yield from growth(shop, shop.database, asked.stored, asked.seconds, folder)
        if "events" in parts:
            yield from _wide(run, shops[0])
    if "publish" in parts and asked.publish:
        yield from publication(folder, run.urls("published"), asked.publish)


def _wide(run: Run, known: Shop) -> Iterator[Row]:
    """Answers right after an event, in shops of many products."""
    for products in run.asked.products:
        home = run.folder / f"home-{products}"
        make_wide_shop(home, known.home, max(products // 5, 1_000), products, known.as_of)
        for url in run.urls(f"state-{products}").values():
            yield from of_routes.right_after(published(home, url), run.asked.seconds, run.folder, products)


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
