"""What a list of products costs beside a minimal FastAPI route that returns the same bytes: CPU time per request, in one run.

    python -P benchmarks/recommendations.py --customers 2000 --output recommendations.json

Every customer of a simulated, published shop is asked for once a round, with a key, through the whole ASGI stack: a list that is given again as it
stands, one that is ranked anew, and one right after an order. The applications take turns, and the cheapest round of each counts. PostgreSQL
joins in where it is installed.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Final, TextIO

sys.path.insert(0, str(Path(__file__).parent.parent))

from asyncio import Runner

from benchmarks.asked import Asked, ask, loop
from benchmarks.served_shop import NOW, ServedShop, make_shop
from benchmarks.serving_in_process import ROUNDS, Line, cheapest, minimal, post_orders, published, served
from benchmarks.throwaway_postgresql import postgresql
from features.interactions import interactions
from training.affinity.backtest import run_backtest
from training.affinity.history import encode
from training.affinity.model import AffinityModel
from training.artifacts import stamp
from training.export import link_version

LIVE: Final = 300
TARGETS: Final[Mapping[str, float]] = {"kept": 4.0, "ranked": 16.0, "after an order": 16.0}


def main() -> None:
    """Measures, prints the table, and writes it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nextbest-bench-")))
        log = stack.enter_context(Path(os.devnull).open("w"))
        server = stack.enter_context(postgresql())
        urls = {"SQLite": f"sqlite:///{folder / 'state.db'}"} | ({"PostgreSQL": server} if server else {})
        shop = make_shop(folder, asked.customers)
        add_affinity(shop, folder)
        running = stack.enter_context(loop())
        found = [line for name, url in urls.items() for line in lists_of_one(running, shop, name, url, log)]
    print(f"GET /v1/customers/ID/recommendations, {len(shop.scores):,} customers, best of {ROUNDS} rounds", *found, sep="\n")
    if asked.output:
        asked.output.write_text(json.dumps([asdict(line) for line in found], indent=2), encoding="utf-8")


def add_affinity(shop: ServedShop, folder: Path) -> None:
    """Trains affinity on the shop and makes it a champion of its home."""
    known = interactions(shop.tables, NOW)
    tried = run_backtest(encode(known), NOW)
    model = AffinityModel(tried.orders, tried.half_lives, tried.sources).fit(known, as_of=NOW)
    saved = folder / "fitted" / "affinity"
    saved.mkdir(parents=True)
    model.save(saved)
    stamp(saved, "1")
    link_version(saved, shop.home.champions, "affinity", "1")


def lists_of_one(running: Runner, shop: ServedShop, name: str, url: str, log: TextIO) -> list[Line]:
    """Lists on this database: kept, ranked anew, and right after an order of two products."""
    key = published(shop, url)
    keeping, ranking, later = (served(shop, url, NOW + timedelta(hours=hours), log) for hours in (0, 0, 2))
    for forgetful in (ranking, later):
        forgetful.state.serving.remembered.most_bytes = 0
    everybody = [Asked(f"/v1/customers/{who}/recommendations", key) for who in shop.scores["customer_id"]]
    bodies = {one.path: body for one, body in zip(everybody, ask(running, keeping, everybody).bodies, strict=True)}
    gc.collect()
    gc.freeze()  # as serving.run does
    unlike = [body for body in bodies.values() if b'"fallback":false' not in body]
    if unlike:
        raise SystemExit(f"{len(unlike):,} of {len(bodies):,} lists are not the model's: {unlike[0]!r}")
    turns = {"minimal": minimal(bodies, "recommendations"), "kept": keeping}
    spent = cheapest(running, turns, everybody, ROUNDS)
    buyers = shop.scores["customer_id"].tolist()[:: max(len(everybody) // LIVE, 1)]
    some = [Asked(f"/v1/customers/{who}/recommendations", key) for who in buyers]
    spent |= {"ranked": cheapest(running, {"ranked": ranking}, some, ROUNDS)["ranked"]}
    post_orders(url, buyers)
    spent |= {"after an order": cheapest(running, {"live": later}, some, ROUNDS)["live"]}
    ratio = {what: cost / spent["minimal"] for what, cost in spent.items()}
    return [
        Line("minimal FastAPI route, the same bytes", spent["minimal"], 1.0),
        *(Line(f"{what}, {name}", spent[what], ratio[what], target) for what, target in TARGETS.items()),
    ]


if __name__ == "__main__":
    main()
