"""Posted rows move into the history: whatever is posted, synced, published or stopped in whatever order, each is seen once at every moment."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from features import batch
from features.definitions import FEATURES
from features.engine import open_tables
from features.histories import histories
from features.home import Home, open_home
from features.ingest.posted import known_events
from features.journey import load_stages
from features.pinned import pinned
from features.profiles import consents, profiles
from features.visitors import identified_visitors
from serving.current import Reader
from serving.held import Held
from serving.publishing import publish
from serving.shop import Shops
from serving.state import customers, events
from serving.state.database import State, open_state
from serving.state.migrate import migrate
from serving.state.synced import last_sync
from serving.syncing import Synced, sync
from training.segments.rfm import load_segments

DAY = datetime(2025, 3, 1)
NOW = datetime(2025, 3, 20)
CUSTOMERS = ("A", "B")
NAMES = [feature.name for feature in FEATURES]


class StopError(Exception):
    """The program ends here, as if it were killed."""


def line(order_id: str, number: int, customer_id: str, hours: float, **more: Any) -> dict[str, Any]:
    row = {
        "order_id": order_id,
        "line": number,
        "customer_id": customer_id,
        "product_id": f"p{number}",
        "quantity": 1.0,
        "unit_price": 2.0 + number,
    }
    rest = {"discount_amount": 0.0, "channel": "web", "store_id": None, "currency": None, "line_kind": "sale", "received_at": NOW}
    return {**row, **rest, "ordered_at": DAY + timedelta(hours=hours), **more}


def event(number: int, customer_id: str | None, visitor_id: str | None, hours: float, event_type: str = "product_view") -> dict[str, Any]:
    """Its value tells which event it is."""
    row = {"event_id": f"{number}.0", "customer_id": customer_id, "visitor_id": visitor_id, "event_type": event_type, "product_id": "p1"}
    rest = {"channel": None, "value": float(number), "decision_id": None, "properties": {"n": number}, "received_at": NOW}
    return {**row, **rest, "occurred_at": DAY + timedelta(hours=hours)}


LINES = [
    line("1.0", 0, "A", 10),
    line("1.0", 1, "A", 14),
    line("1.0", 2, "A", 9),
    line("o2", 0, "A", 100),
    line("r1", 0, "A", 200, quantity=-1.0, line_kind="return"),
    line("o3", 5, "B", 50),
    line("o3", 0, "B", 51),
]
EVENTS = [
    event(1, "A", None, 1),
    event(2, "A", None, 150),
    event(3, None, "v", 2),
    event(4, None, "v", 160),
    event(5, "A", "v", 90, "identify"),
    event(6, None, "nobody", 3),
    event(7, "B", None, 4, "survey_answered"),
]
POSTS = st.lists(st.integers(0, len(LINES) + len(EVENTS) - 1), min_size=3, max_size=6).map(lambda numbers: ("post", *numbers))
STEPS = st.sampled_from(
    [
        ("sync",),
        ("sync",),
        ("publish",),
        ("publish",),
        *(("stopped sync", step) for step in range(3)),
        *(("stopped publish", step) for step in range(2)),
    ]
)


def posted(state: State, numbers: tuple[int, ...]) -> set[tuple[str, int]]:
    """Posts these rows; keys of those that were taken as new."""
    lines = [LINES[n] for n in sorted(set(numbers)) if n < len(LINES)]
    touched = [EVENTS[n - len(LINES)] for n in sorted(set(numbers)) if n >= len(LINES)]
    with state.writing() as connection:
        return events.add_order_lines(connection, lines) | {(event_id, -1) for event_id in events.add_events(connection, touched)}


def synced(state: State, home: Home, stop_at: int = -1) -> Synced:
    steps: list[str] = []

    def progress(step: str) -> None:
        steps.append(step)
        if len(steps) == stop_at + 1:
            raise StopError

    return sync(state, home, today=NOW, progress=progress)


def published(state: State, home: Home, stop_at: int = -1) -> None:
    """As the command does it; stopped while customers are written, or when all that is left is to become visible."""
    until = NOW + timedelta(days=1)
    marks: list[int] = []

    def remember() -> None:
        with state.reading() as connection:
            marks.append(last_sync(connection))

    def stop(at: int) -> None:
        if stop_at == at:
            raise StopError

    def known(tables: Any, event_ids: list[str]) -> list[str]:
        stop(1)
        return known_events(tables.events, event_ids)

    with pinned(home, wait_seconds=1, when_pinned=remember) as seen:
        tables = open_tables(seen)
        held = Held(marks[0], lambda event_ids: known(tables, event_ids))
        told: dict[str, Any] = {"profiles": profiles(tables), "consents": consents(tables), "visitors": identified_visitors(tables, until)}
        publish(state, as_of=until, histories=histories(tables, until), held=held, progress=lambda _: stop(0), **told)


def reader() -> Reader:
    stages = load_stages()
    return Reader(Shops({level.name: 9e9 for level in stages.levels}), stages, load_segments())


def seen_of(state: State, who: str) -> tuple[list[tuple[str, int]], list[int], dict[str, float]]:
    """Order lines, events and features as a request sees them."""
    with state.reading() as connection:
        current = reader().customer(connection, who, NOW)
    history = current.history
    codes = zip(history.lines["order"].tolist(), history.lines["line"].tolist(), strict=True)
    lines = sorted((history.names.orders[order], number) for order, number in codes)
    return lines, sorted(history.events["value"].astype(int).tolist()), dict(current.features)


def expected_of(accepted: set[tuple[str, int]], who: str) -> tuple[list[tuple[str, int]], list[int]]:
    lines = sorted(
        (row["order_id"], row["line"]) for row in LINES if row["customer_id"] == who and (row["order_id"], row["line"]) in accepted
    )
    known = [row for row in EVENTS if (row["event_id"], -1) in accepted]
    is_v = {"A"} if any(row["event_type"] == "identify" for row in known) else set()
    mine = [row for row in known if row["customer_id"] == who or (row["customer_id"] is None and row["visitor_id"] == "v" and who in is_v)]
    return lines, sorted(int(row["value"]) for row in mine)


def stored_keys(state: State, home: Home) -> tuple[list[tuple[str, int]], list[str]]:
    """Order lines and events in the history, and what is posted and not yet there."""
    with state.reading() as connection:
        lines = [(row.order_id, row.line) for row in connection.exec_driver_sql("SELECT order_id, line FROM order_lines")]
        touched = [row.event_id for row in connection.exec_driver_sql("SELECT event_id FROM events")]
    orders, known = _column(home, "orders", ["order_id", "posted_line"]), _column(home, "events", ["event_id"])
    in_lines, in_events = [(order_id, int(number)) for order_id, number in orders], [event_id for (event_id,) in known]
    assert len(set(in_lines)) == len(in_lines)
    assert len(set(in_events)) == len(in_events)
    return sorted(set(lines) | set(in_lines)), sorted(set(touched) | set(in_events))


def _column(home: Home, name: str, columns: list[str]) -> list[tuple[Any, ...]]:
    return list(pd.read_parquet(home.table(name), columns=columns).itertuples(index=False)) if home.table(name).exists() else []


def features_in(home: Home) -> dict[str, dict[str, float]]:
    if not home.table("orders").exists() and not home.table("events").exists():
        return {}
    frame = batch.features(open_tables(home), [NOW])
    return {row["customer_id"]: {name: row[name] for name in NAMES} for row in frame.to_dict("records")}


def assert_same_features(online: dict[str, float], stored: dict[str, float]) -> None:
    for name in NAMES:
        assert online[name] == pytest.approx(stored[name], rel=1e-9, abs=1e-9, nan_ok=True), name


@contextmanager
def fresh(make_url: Callable[[Path], str]) -> Iterator[tuple[Home, State]]:
    with TemporaryDirectory() as folder:
        home = open_home(Path(folder) / "home")
        url = make_url(home.root)
        migrate(url)
        state = open_state(url)
        try:
            yield home, state
        finally:
            state.close()


def run_any_order(make_url: Callable[[Path], str], actions: list[tuple[Any, ...]]) -> None:
    with fresh(make_url) as (home, state):
        accepted: set[tuple[str, int]] = set()
        for what, *more in actions:
            if what == "post":
                new = posted(state, tuple(more))
                assert new.isdisjoint(accepted)
                accepted |= new
            with suppress(StopError):
                if "sync" in what:
                    synced(state, home, *more)
                elif "publish" in what:
                    published(state, home, *more)
            for who in CUSTOMERS:
                assert seen_of(state, who)[:2] == expected_of(accepted, who), (what, more, who)
            lines, touched = stored_keys(state, home)
            assert {*lines, *((event_id, -1) for event_id in touched)} == accepted
            assert len(lines) + len(touched) == len(accepted)
        online = {who: seen_of(state, who)[2] for who in CUSTOMERS}
        synced(state, home)
        stored = features_in(home)
        assert set(stored) == {who for who in CUSTOMERS if any(expected_of(accepted, who))}
        for who, values in stored.items():
            assert_same_features(online[who], values)
        published(state, home)
        for who, values in stored.items():
            assert_same_features(seen_of(state, who)[2], values)
        assert synced(state, home).changed is False


ACTIONS = st.lists(st.one_of(POSTS, STEPS, STEPS), min_size=8, max_size=16)


@settings(max_examples=15 if "NEXTBEST_LONG" in os.environ else 4, suppress_health_check=[HealthCheck.too_slow])
@given(ACTIONS)
@example(
    [
        ("post", 0, 7, 9),
        ("sync",),
        ("publish",),
        ("post", 0, 1, 7, 9),
        ("stopped sync", 2),
        ("post", 2, 11),
        ("stopped publish", 1),
        ("publish",),
    ]
)
def test_each_row_is_seen_once_whatever_happens_in_whatever_order(actions: list[tuple[Any, ...]]) -> None:
    run_any_order(lambda root: f"sqlite:///{root / 'state.db'}", actions)


@settings(max_examples=3, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(ACTIONS)
def test_on_postgresql_too(postgresql_server: str, actions: list[tuple[Any, ...]]) -> None:
    def make(_: Path) -> str:
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(postgresql_server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{postgresql_server}/{name}"

    run_any_order(make, actions)


@pytest.fixture
def shop(empty_database: str, tmp_path: Path) -> Iterator[tuple[Home, State]]:
    home = open_home(tmp_path / "home")
    migrate(empty_database)
    state = open_state(empty_database)
    yield home, state
    state.close()


def test_everything_posted_in_any_parts_makes_the_same_tables_as_posted_at_once(shop: tuple[Home, State]) -> None:
    home, state = shop
    for number in range(len(LINES) + len(EVENTS)):
        posted(state, (number,))
        synced(state, home)
        if number % 3 == 2:
            published(state, home)
    with fresh(lambda root: f"sqlite:///{root / 'state.db'}") as (other, at_once):
        posted(at_once, tuple(range(len(LINES) + len(EVENTS))))
        synced(at_once, other)
        for name in ("orders", "events"):
            pd.testing.assert_frame_equal(pd.read_parquet(home.table(name)), pd.read_parquet(other.table(name)))
    orders = pd.read_parquet(home.table("orders"))
    assert set(orders[orders.order_id == "1.0"].ordered_at) == {pd.Timestamp(DAY + timedelta(hours=9))}


def test_what_was_put_stands_over_the_file_and_other_fields_stay(shop: tuple[Home, State]) -> None:
    home, state = shop
    home.tables.mkdir(exist_ok=True)
    told = {"customer_id": ["A", "B"], "name": ["An", "Bo"], "city": ["Huế", "Huế"], "consent_email": [True, True], "points": [1.0, 2.0]}
    pd.DataFrame(told).to_parquet(home.table("customers"))
    with state.writing() as connection:
        customers.put_profile(connection, "A", {"name": "Ánh", "city": None, "points": 5, "vip": True}, NOW)
        customers.put_consent(connection, "A", {"email": False, "push": False}, NOW)
        customers.put_profile(connection, "C", {"points": 7.5}, NOW)
    done = synced(state, home)
    table = pd.read_parquet(home.table("customers")).set_index("customer_id").to_dict("index")
    assert table["A"] | {"city": None} == table["A"] | {"name": "Ánh", "consent_email": False, "points": 5.0, "vip": True, "city": None}
    assert table["A"]["city"] is None or table["A"]["city"] != table["A"]["city"]
    assert [table["B"][name] for name in ("name", "city", "consent_email", "points")] == ["Bo", "Huế", True, 2.0]
    assert table["C"]["points"] == 7.5
    assert "consent_push" not in table["A"]
    assert done.unknown_channels == ("push",)
    published(state, home)
    with state.reading() as connection:
        assert reader().customer(connection, "A", NOW).consent["push"] is False
        assert "push" not in reader().customer(connection, "B", NOW).consent
    assert synced(state, home).changed is False


_NOT_IN_FILES = ("line", "received_at", "store_id", "currency")


def test_a_posted_order_takes_the_place_of_a_files_lines_and_says_so(shop: tuple[Home, State]) -> None:
    home, state = shop
    home.tables.mkdir(exist_ok=True)
    of_file = [{**{k: v for k, v in row.items() if k not in _NOT_IN_FILES}, "product_id": "old"} for row in (LINES[0], LINES[1], LINES[5])]
    pd.DataFrame(of_file).astype({"ordered_at": "datetime64[us]"}).to_parquet(home.table("orders"))
    published(state, home)
    posted(state, (2,))
    assert seen_of(state, "A")[0] == [("1.0", 2)]
    assert synced(state, home).tables["orders"].replaced == 2
    orders = pd.read_parquet(home.table("orders"))
    assert sorted(zip(orders.order_id, orders.product_id, strict=True)) == [("1.0", "p2"), ("o3", "old")]
    published(state, home)
    assert seen_of(state, "A")[0] == [("1.0", 2)]


def test_an_event_that_came_by_a_file_too_is_seen_once(shop: tuple[Home, State]) -> None:
    home, state = shop
    posted(state, (7, 8))
    synced(state, home, -1)
    with state.writing() as connection:
        connection.exec_driver_sql("DELETE FROM synced")  # as if the same event had been ingested from a file
    published(state, home)
    assert seen_of(state, "A")[1] == [1, 2]


def test_a_row_that_no_home_may_hold_is_told_and_stays_posted(shop: tuple[Home, State]) -> None:
    home, state = shop
    with state.writing() as connection:
        events.add_order_lines(connection, [line("o9", 0, "A", -24 * 365 * 60), line("o8", 0, "A", 1)])
    done = synced(state, home).tables["orders"]
    assert (done.rows, done.rows_now, sum(done.refused.values())) == (1, 1, 1)
    published(state, home)
    assert seen_of(state, "A")[0] == [("o8", 0), ("o9", 0)]
    assert sum(synced(state, home).tables["orders"].refused.values()) == 1


def test_rows_posted_while_a_publication_is_written_stay_until_the_next(shop: tuple[Home, State]) -> None:
    home, state = shop
    posted(state, (0, 7))
    synced(state, home)
    until = NOW + timedelta(days=1)
    with pinned(home, wait_seconds=1) as seen:
        tables = open_tables(seen)
        with state.reading() as connection:
            held = Held(last_sync(connection), lambda event_ids: known_events(tables.events, event_ids))
        posted(state, (1, 8))
        assert synced(state, home).changed
        publish(state, as_of=until, histories=histories(tables, until), held=held)
    assert seen_of(state, "A")[:2] == ([("1.0", 0), ("1.0", 1)], [1, 2])
    assert np.isclose(seen_of(state, "A")[2]["order_count"], 1)
    assert not list(home.root.glob(".reading-*"))


def test_decisions_and_outcomes_are_copied_and_stay(serve: Callable[..., Any], make_home: Callable[..., Home], empty_database: str) -> None:
    with serve(empty_database) as client:
        who = client.get("/v1/churn", params={"limit": 5}).json()
        ids = [row["customer_id"] for row in who["customers"]] if "customers" in who else []
        asked = [{"customer_id": customer_id} for customer_id in (ids or ["C000001", "C000002", "C000003"])]
        made = [client.post("/v1/decisions", json=each).json() for each in (*asked, {"visitor_id": "somebody"})]
        first = made[0]["decision_id"]
        told = {"event_id": "out-1", "decision_id": first, "outcome_type": "converted", "value": 12.5}
        assert client.post("/v1/outcomes", json=told).json()["accepted"] == 1
        home, state = make_home(empty_database), open_state(empty_database)
        done = synced(state, home)
        assert (done.tables["decisions"].rows, done.tables["outcomes"].rows) == (len(asked), 1)
        again = client.get(f"/v1/decisions/{first}")
        assert again.status_code == 200
        state.close()
    decisions = pd.read_parquet(home.table("decisions")).set_index("decision_id")
    assert set(decisions.index) == {each["decision_id"] for each in made[:-1]}
    for each in made[:-1]:
        row = decisions.loc[each["decision_id"]]
        candidates = {one["action_id"]: one for one in json.loads(row["candidates"])}
        assert row["action_id"] == each["actions"][0]["action_id"]
        assert candidates[row["action_id"]]["allowed"]
        assert sum(one["probability"] for one in candidates.values()) == pytest.approx(1)
        assert all(one["reasons"] for one in candidates.values() if not one["allowed"])
        assert "order_count" in json.loads(row["features"])
    outcomes = pd.read_parquet(home.table("outcomes"))
    assert outcomes[["event_id", "decision_id", "outcome_type", "value"]].to_numpy().tolist() == [["out-1", first, "converted", 12.5]]
