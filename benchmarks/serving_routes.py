"""What each route costs beside a minimal one that answers the same bytes, over HTTP, by the servers' own CPU time."""

import http.client
import json
import sqlite3
import time
from pathlib import Path
from typing import Final

from benchmarks.serving_floor import minimal
from benchmarks.serving_load import Loaded, get, gone_through, load, warmed
from benchmarks.serving_processes import Running
from benchmarks.serving_rows import Row
from benchmarks.serving_shop import Shop, after_events

ASKED: Final = 1_000
BATCH: Final = 100
WAITING: Final = 64
CHURN: Final = {"SQLite": 1.8, "PostgreSQL": 2.5}
UNCHANGED: Final = 4.0
AFTER_EVENT: Final = 16.0
CHEAPER_THAN_MLFLOW: Final = 7.0
START_CPU_SECONDS: Final = 2.0
STARTS: Final = 4
BATCH_MILLISECONDS: Final = 2.0
GROUPED: Final = 25.0
TWO_WORKERS: Final = 1.1
SETTLED: Final = 100
TIMES: Final = 8
"""So many customers are decided about so many times before: most have then been contacted as often as they may, and a decision leaves them unchanged."""
PUBLISHED: Final = "published"
_SINGLE_SECONDS: Final = 3.0


def routes(shop: Shop, seconds: float, folder: Path, mlflow: Loaded | None) -> list[Row]:
    """Rows of the routes on this database; every request of a customer who was asked for before stands in another row."""
    who, name, start = shop.some(ASKED), shop.database, _start(shop, folder)
    with shop.serve(folder / "serve.log") as server:
        paths = {f"/v1/customers/{each}/churn": each for each in who}
        bodies = {path: _body(server, path, shop.crm) for path in paths}
        floor = _floor(bodies, seconds, folder)
        scored, others = _by_score(who, bodies)
        churn = warmed(server, shop.churn(scored), seconds)
        anew = warmed(server, shop.churn(others), seconds)
        gone_through(server, shop.recommendations(who))
        listed = load(server, shop.recommendations(who), seconds=seconds)
        gone_through(server, shop.decisions(who[:SETTLED]), times=TIMES)
        decided = load(server, shop.decisions(who[:SETTLED]), seconds=seconds)
    rows = [
        Row(f"start to ready, every champion loaded, {name}", start, "CPU-s", START_CPU_SECONDS),
        _against(f"churn score as published, {name}", churn, floor, CHURN[name]),
        _against(f"churn of a customer without a published score, {name}", anew, floor, None),
        _against(f"recommendations, nothing new, {name}", listed, floor, UNCHANGED),
        _against(f"next best action, nothing new, recorded, {name}", decided, floor, UNCHANGED),
    ]
    if mlflow is not None:
        ratio = mlflow.cpu_microseconds / churn.cpu_microseconds
        told = f"{mlflow.cpu_microseconds:,.0f} us, p50 {mlflow.p50 / 1000:.1f} ms"
        rows.append(Row(f"`mlflow models serve` against a churn score, {name}", ratio, "x", CHEAPER_THAN_MLFLOW, told, at_least=True))
    return rows


def _start(shop: Shop, folder: Path) -> float:
    """CPU seconds of the cheapest of a few starts: the first compiles every module, which no later one of an installation does."""
    spent = []
    for _ in range(STARTS):
        with shop.serve(folder / "start.log") as server:
            spent.append(server.start_cpu_seconds)
    return min(spent)


def _by_score(who: list[str], bodies: dict[str, bytes]) -> tuple[list[str], list[str]]:
    """Those whose published score is answered as it stands, and the others: most of these never bought anything."""
    scored = {each for each, body in zip(who, bodies.values(), strict=True) if json.loads(body)["source"] == PUBLISHED}
    return [each for each in who if each in scored], [each for each in who if each not in scored]


def right_after(shop: Shop, seconds: float, folder: Path, products: int) -> list[Row]:
    """Rows of answers about customers of whom an event has just been posted; what the event itself costs is measured alone and taken off."""
    who, name = shop.some(ASKED), shop.database
    with shop.serve(folder / "events.log") as server:
        path = f"/v1/customers/{who[0]}/recommendations"
        floor = _floor({path: _body(server, path, shop.app)}, seconds, folder)
        events = warmed(server, shop.events(who), seconds)
        listed = warmed(server, after_events(shop.events(who), shop.recommendations(who)), seconds)
        decided = warmed(server, after_events(shop.events(who), shop.decisions(who)), seconds)
    kinds = {"recommendations": listed, "next best action, recorded": decided}
    target = AFTER_EVENT if products <= 10_000 else None
    return [
        _against(f"{what}, right after an event, {products:,} products, {name}", _without(both, events), floor, target)
        for what, both in kinds.items()
    ]


def ingest(shop: Shop, seconds: float, folder: Path) -> list[Row]:
    """Rows of events taken in over HTTP."""
    who, name = shop.some(ASKED), shop.database
    with shop.serve(folder / "ingest.log") as server:
        grouped = warmed(server, shop.events(who), seconds, connections=WAITING)
        batches = warmed(server, shop.batches(who, BATCH), seconds)
    single = commits(folder / "single.db")
    told = (
        f"{grouped.rate:,.0f} events/s at {grouped.cpu_microseconds:,.0f} us, {single:,.0f} commits/s of one row on SQLite on the same disk"
    )
    return [
        Row(
            f"events posted one by one, {WAITING} waiting, {name}: rate against single commits",
            grouped.rate / single,
            "x",
            GROUPED,
            told,
            at_least=True,
        ),
        Row(f"a posted batch of {BATCH} events, {name}", batches.cpu_microseconds / 1000, "CPU-ms", BATCH_MILLISECONDS),
    ]


def workers(shop: Shop, seconds: float, folder: Path) -> list[Row]:
    """What two workers spend on a request against one, on two routes."""
    rows, who = [], shop.some(2 * ASKED)[-ASKED:]  # of whom the fewest were asked about before
    asked = {"churn score": [shop.churn(who)] * 2, "next best action": [shop.decisions(who[place::2]) for place in (0, 1)]}
    for what, parts in asked.items():
        one, two = (_worked(shop.with_workers(count), requests, seconds, folder) for count, requests in zip((1, 2), parts, strict=True))
        told = f"{two.cpu_microseconds:,.0f} us at {two.rate:,.0f}/s, one {one.cpu_microseconds:,.0f} us at {one.rate:,.0f}/s"
        rows.append(
            Row(f"{what}, {shop.database}: two workers against one", two.cpu_microseconds / one.cpu_microseconds, "x", TWO_WORKERS, told)
        )
    return rows


def _worked(shop: Shop, requests: list[bytes], seconds: float, folder: Path) -> Loaded:
    with shop.serve(folder / "workers.log") as server:
        return warmed(server, requests, seconds)


def commits(file: Path) -> float:
    """Transactions of one row a second, one after the other, each on disk when it ends (SQLite, WAL, synchronous FULL)."""
    connection = sqlite3.connect(file, isolation_level=None)
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "CREATE TABLE IF NOT EXISTS rows (n INTEGER PRIMARY KEY, text TEXT)",
    ):
        connection.execute(statement)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < _SINGLE_SECONDS:
        connection.execute("INSERT INTO rows (text) VALUES (?)", ("x" * 200,))
        count += 1
    connection.close()
    return count / (time.perf_counter() - started)


def _against(what: str, cost: Loaded, floor: Loaded, target: float | None) -> Row:
    told = f"{cost.cpu_microseconds:,.0f} us, minimal route {floor.cpu_microseconds:,.0f} us"
    timed = f"; p50 {cost.p50 / 1000:.1f} ms, p99 {cost.p99 / 1000:.1f} ms" if cost.p50 else ""
    return Row(what, cost.cpu_microseconds / floor.cpu_microseconds, "x the minimal route", target, told + timed)


def _without(both: Loaded, events: Loaded) -> Loaded:
    """What a question costs, of pairs of an event and a question. Times to answer are not told apart."""
    return Loaded(both.requests // 2, both.seconds, 2 * both.cpu_microseconds - events.cpu_microseconds, 0.0, 0.0)


def _floor(bodies: dict[str, bytes], seconds: float, folder: Path) -> Loaded:
    with minimal(bodies, folder) as running:
        return warmed(running, [get(path) for path in bodies], seconds)


def _body(server: Running, path: str, key: str) -> bytes:
    """One answer. SystemExit if it is not of status 200."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
    return body
