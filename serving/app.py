"""The application: everything that one server needs is built here, from its settings, and nowhere at import."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Final

import anyio.to_thread
from fastapi import Depends, FastAPI
from threadpoolctl import threadpool_limits

from features.errors import InputError
from features.home import open_home
from serving import errors
from serving.api import (
    audiences,
    churn,
    churn_changes,
    churn_lists,
    churn_query,
    customers,
    decisions,
    events,
    health,
    next_best_action,
    orders,
    outcomes,
    products,
    recommendations,
)
from serving.auth import Gate
from serving.body_limit import BodyLimit
from serving.champions import load_champions
from serving.clock import Clock
from serving.current import Reader
from serving.dependencies import Serving
from serving.described import describe, operation_id
from serving.in_use import attributes_of, unreached
from serving.json_only import json_only
from serving.log import Log
from serving.looks import looks_of
from serving.offering import Offering
from serving.policies import make_policy
from serving.reading import Reading
from serving.settings import ServingSettings, load_settings
from serving.shop import OUTDATED, Shops, foreseen, is_outdated
from serving.shop_rules import RuleReader, rule_files
from serving.state import publications
from serving.state.budget_reader import taken_reader
from serving.state.database import CONNECTIONS, State, address, open_state
from serving.state.score_reader import score_reader
from serving.state.somebody import somebody_reader
from serving.state.versions import version_reader
from serving.stored_score import StoredScores
from serving.telemetry import Metrics, Telemetry
from serving.watching import watch

STALE: Final = timedelta(days=30)

# tried in this order: the commonest first
_SUBJECTS: Final = (
    churn,
    decisions,
    recommendations,
    events,
    next_best_action,
    health,
    products,
    churn_lists,
    churn_changes,
    churn_query,
    audiences,
    customers,
    orders,
    outcomes,
)


def create_app(settings: ServingSettings, *, log: Log | None = None) -> FastAPI:
    """The API over one home. InputError if it cannot be served so: no migrated database, an open door, rules that cannot be read."""
    serving = _assemble(settings, log or Log())
    app = FastAPI(
        title="nextbest",
        version=version("nextbest"),
        summary="The next best action for each customer",
        lifespan=_lifespan,
        redoc_url=None,
        dependencies=[Depends(json_only)],
        generate_unique_id_function=operation_id,
    )
    describe(app, [route for subject in _SUBJECTS for route in subject.router.routes])
    app.state.serving = serving
    errors.install(app, database_error=serving.state.driver_error)
    for subject in _SUBJECTS:
        app.include_router(subject.router)
    app.add_middleware(BodyLimit, most_bytes=settings.max_body_bytes)
    app.add_middleware(Telemetry, log=serving.log, metrics=serving.metrics)
    return app


def app_from_environment() -> FastAPI:
    """The application of the environment's settings: what each of several worker processes starts."""
    return create_app(load_settings())


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    serving: Serving = app.state.serving
    anyio.to_thread.current_default_thread_limiter().total_tokens = CONNECTIONS
    serving.log.info("serving", database=serving.state.address, clock=str(serving.clock.pinned or "now"), keys=not serving.gate.is_open)
    if serving.gate.is_open:
        serving.log.warning("open", why="no key exists: everybody on this machine may ask everything; nextbest key create makes one")
    with threadpool_limits(1, "blas"):  # a request's small products cost a hundredfold with two threads on busy cores
        watching = asyncio.create_task(watch(app))
        yield
        watching.cancel()
        await asyncio.wait([watching])
    serving = app.state.serving
    await serving.stored.reader.close()
    await serving.versions.close()
    await serving.reading.close()
    await serving.taken.close()
    serving.state.close()


def _assemble(settings: ServingSettings, log: Log) -> Serving:
    home = open_home(settings.home, currency=settings.currency, timezone=settings.timezone)
    state = open_state(address(home, settings.database_url.get_secret_value()), most_waiting=settings.max_waiting_writes)
    gate = Gate.at(settings.host, state)
    clock = _clock(settings, state, log)
    files = rule_files(settings, home)
    looks = looks_of(home, files)  # before anything is read: what changes meanwhile is found by the first look
    champions = load_champions(home, log, not_after=clock.pinned)
    rules = RuleReader(home, attributes_of(state), log).first(files)
    shops = Shops(unreached(rules.stages), home.timezone)
    return Serving(
        settings=settings,
        home=home,
        state=state,
        clock=clock,
        gate=gate,
        reader=Reader(shops, rules.stages, rules.segments),
        reading=Reading(state, somebody_reader(state), shops),
        stored=StoredScores(score_reader(state), clock, champions.version("churn"), home.currency),
        policy=make_policy(settings, home.currency, rules, champions),
        champions=champions,
        offering=Offering(rules.recommendations, champions.affinity),
        versions=version_reader(state),
        taken=taken_reader(state),
        rules=rules,
        looks=looks,
        metrics=Metrics(),
        log=log,
    )


def _clock(settings: ServingSettings, state: State, log: Log) -> Clock:
    with state.reading() as connection:
        newest = publications.current(connection)
    pinned = settings.as_of if isinstance(settings.as_of, datetime) else None
    if settings.as_of == "latest":
        if newest is None:
            raise InputError("Nothing is published yet, so there is no latest time.", remedy="Run: nextbest publish")
        pinned = newest.as_of
    clock = Clock(pinned)
    if newest is None:
        log.warning("nothing_published", remedy="nextbest publish")
        return clock
    if clock.now() - newest.as_of > STALE:
        log.warning("old_data", published_as_of=newest.as_of.isoformat(), remedy="ingest and publish newer rows, or serve --as-of latest")
    if is_outdated(newest):
        log.warning("outdated_publication", why=OUTDATED)
    if why := foreseen(newest.facts_as_of, clock.now()):
        log.warning("facts_of_later_time", why=why)
    return clock
