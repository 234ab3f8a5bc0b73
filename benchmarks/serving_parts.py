"""What the parts of an answer cost, in one process and without HTTP: parse, state, features, ranking, record."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from benchmarks.asked import loop
from benchmarks.serving_decisions import decision_parts
from benchmarks.serving_ingest import BATCH, WAITING, ingest
from benchmarks.serving_reads import reads
from benchmarks.serving_rows import Row
from benchmarks.serving_shop import AHEAD, Shop
from features.home import open_home
from serving.app import create_app
from serving.log import Log
from serving.settings import ServingSettings

Part = Callable[[Shop], Iterator[Row]]


def of_reads(shop: Shop) -> Iterator[Row]:
    """Answers about customers of whom something was just posted, and their parts."""
    with ExitStack() as stack:
        log = stack.enter_context(Path(os.devnull).open("w"))
        running = stack.enter_context(loop())
        stack.enter_context(threadpool_limits(1, "blas"))
        for cost in reads(running, open_home(shop.home), shop.url, shop.database, log):
            told = "" if cost.ratio is None else f"{cost.ratio:.1f} x the minimal route in process"
            yield Row(f"in process, {shop.database}: {cost.name.strip()}", cost.microseconds, "us", more=told)


def of_ingest(shop: Shop) -> Iterator[Row]:
    """Events written to the store, and posted to the application."""
    with ExitStack() as stack:
        log = stack.enter_context(Path(os.devnull).open("w"))
        running = stack.enter_context(loop())
        settings = ServingSettings(home=shop.home, database_url=shop.url, as_of=shop.as_of + AHEAD)
        app = create_app(settings, log=Log(log))
        found = ingest(running, app, shop.app)
        name = f"in process, {shop.database}"
        yield Row(
            f"{name}: events stored, {WAITING} waiting against one", found.store_ratio, "x", more=f"{found.store_microseconds:,.0f} us each"
        )
        yield Row(
            f"{name}: events posted, {WAITING} waiting against one",
            found.posted_ratio,
            "x",
            more=f"{found.posted_microseconds:,.0f} us each",
        )
        yield Row(f"{name}: a posted batch of {BATCH}", found.batch_microseconds / 1000, "CPU-ms")


def of_decisions(shop: Shop) -> Iterator[Row]:
    """A recorded decision and its parts."""
    with ExitStack() as stack:
        log = stack.enter_context(Path(os.devnull).open("w"))
        running = stack.enter_context(loop())
        stack.enter_context(threadpool_limits(1, "blas"))
        settings = ServingSettings(home=shop.home, database_url=shop.url, as_of=shop.as_of + AHEAD)
        app = create_app(settings, log=Log(log))
        for name, microseconds in decision_parts(running, app, shop.customer_ids[:300]).items():
            yield Row(f"in process, {shop.database}: a decision's {name}", microseconds, "us")


OF_SHOP: Final[Sequence[Part]] = (of_ingest, of_decisions)
"""Measured on the simulated shop."""
OF_WIDE_SHOP: Final[Sequence[Part]] = (of_reads,)
"""Measured on shops of many products."""
