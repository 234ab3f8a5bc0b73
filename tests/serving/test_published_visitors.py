"""A visitor whom the ingested history identified stays that customer: for what is posted under the visitor's id later, and for contacts with them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from sqlalchemy import func, select

from features.engine import tables_from_frames
from features.history import CustomerHistory
from features.journey import load_stages
from features.visitors import identified_visitors
from serving.current import Reader
from serving.publishing import publish
from serving.shop import Shops
from serving.state import decisions, events
from serving.state.database import State
from serving.state.somebody import Whom, read
from serving.state.tables import PUBLISHED_VISITORS

MARCH = datetime(2025, 3, 1)
DAY = timedelta(days=1)
SAID = MARCH - 9 * DAY


def known(*rows: tuple[str, str, datetime]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["visitor_id", "customer_id", "identified_at"]).astype({"identified_at": "datetime64[us]"})


def published(state: State, visitors: pd.DataFrame | None) -> None:
    publish(state, as_of=MARCH, histories=[(who, CustomerHistory.empty()) for who in ("an", "binh", "chi")], visitors=visitors)


def post(state: State, event_id: str, at: datetime, event_type: str = "product_view", **who: str) -> None:
    none = dict.fromkeys(("customer_id", "visitor_id", "channel", "product_id", "value", "decision_id", "properties"))
    row = {**none, "event_id": event_id, "event_type": event_type, "occurred_at": at, "received_at": at, **who}
    with state.writing() as connection:
        events.add_events(connection, [row])


def whose(state: State, visitor_id: str, before: datetime = MARCH) -> str | None:
    with state.reading() as connection:
        return read(connection, [Whom(None, visitor_id, before)])[0].identified


def visitors(state: State, customer_id: str, before: datetime = MARCH) -> dict[str, datetime]:
    with state.reading() as connection:
        return read(connection, [Whom(customer_id, None, before)])[0].visitors


def test_a_published_visitor_is_their_customer_from_the_moment_that_was_said(state: State) -> None:
    published(state, known(("v1", "an", SAID), ("v2", "an", SAID + DAY), ("w", "binh", SAID)))
    assert visitors(state, "an") == {"v1": SAID, "v2": SAID + DAY}
    assert visitors(state, "an", SAID + DAY) == {"v1": SAID}, "half-open"
    assert [visitors(state, who) for who in ("binh", "chi")] == [{"w": SAID}, {}]
    assert [whose(state, each) for each in ("v1", "v2", "w", "x")] == ["an", "an", "binh", None]
    assert whose(state, "v1", SAID) is None


@pytest.mark.parametrize(("days", "who"), [(-1, "binh"), (0, "an"), (1, "an")])
def test_of_what_was_published_and_what_was_posted_the_first_counts(state: State, days: int, who: str) -> None:
    published(state, known(("v", "an", SAID)))
    post(state, "i", SAID + days * DAY, "identify", customer_id="binh", visitor_id="v")
    post(state, "j", SAID + 2 * DAY, "identify", customer_id="an", visitor_id="v")
    assert whose(state, "v") == who
    assert visitors(state, who) == {"v": SAID + min(days, 0) * DAY}
    assert visitors(state, "binh" if who == "an" else "an") == {}


def test_only_the_newest_publication_counts_and_older_ones_are_removed(state: State) -> None:
    published(state, known(("v", "an", SAID), ("w", "chi", SAID)))
    published(state, known(("v", "binh", SAID)))
    assert [whose(state, each) for each in ("v", "w")] == ["binh", None]
    with state.reading() as connection:
        assert connection.execute(select(func.count()).select_from(PUBLISHED_VISITORS)).scalar() == 1
    published(state, None)
    assert visitors(state, "binh") == {}


def contacted(state: State, subject_id: str, at: datetime) -> None:
    made = {"decision_id": f"d-{subject_id}", "decided_at": at, "action_id": "winback", "channel": "email"}
    others = {"customer_id": None, "visitor_id": subject_id, "stage": "awareness", "action_probability": 1.0, "policy_version": "v"}
    row = {**made, **others, "holdout": False, "request": {}, "record": {}}
    with state.writing() as connection:
        decisions.add(connection, row, [{**made, "rank": 1, "subject_id": subject_id}])


def test_views_and_contacts_under_the_visitors_id_are_the_customers(state: State) -> None:
    published(state, known(("v", "an", SAID), ("w", "binh", SAID)))
    for visitor in ("v", "w"):
        post(state, f"view-{visitor}", MARCH - DAY, visitor_id=visitor, product_id="tea")
        post(state, f"before-{visitor}", SAID - DAY, visitor_id=visitor, product_id="cup")
        contacted(state, visitor, SAID - DAY)
    reader = Reader(Shops({"top": float("inf")}), load_stages())
    with state.reading() as connection:
        direct, through = reader.customer(connection, "an", MARCH), reader.visitor(connection, "v", MARCH)
        (rows,) = read(connection, [Whom("an", None, MARCH)])
        seen = reader.seen(rows, reader.shops.current(connection))
        early = reader.customer(connection, "an", SAID)
        nobody = reader.customer(connection, "chi", MARCH)
    for current in (direct, through):
        assert current.customer_id == "an"
        assert current.subject_ids == ("an", "v")
        assert [contact["decision_id"] for contact in current.contacts] == ["d-v"]
        assert current.history.product_ids == ("cup", "tea")
    assert set(seen.history.product_ids) == {"cup", "tea"}
    assert (early.subject_ids, early.contacts, early.history.product_ids) == (("an",), [], ())
    assert (nobody.subject_ids, nobody.contacts, nobody.history.product_ids) == (("chi",), [], ())


def test_the_first_to_be_named_is_published_as_features_have_it() -> None:
    none: dict[str, Any] = {"event_type": "identify", "channel": None, "product_id": None, "value": None, "decision_id": None}
    said = [("v", "an", 3), ("v", "binh", 2), ("v", "chi", 2), ("w", "an", 1), ("x", None, 0), (None, "an", 0), ("y", "an", 9)]
    rows = [
        {**none, "event_id": f"e{n}", "visitor_id": visitor, "customer_id": who, "occurred_at": SAID + days * DAY}
        for n, (visitor, who, days) in enumerate(said)
    ]
    tables = tables_from_frames({"events": pd.DataFrame(rows)})
    found = identified_visitors(tables, MARCH)
    assert found.to_dict("list") == {
        "visitor_id": ["v", "w"],
        "customer_id": ["binh", "an"],
        "identified_at": [SAID + 2 * DAY, SAID + DAY],
    }
    assert identified_visitors(tables, SAID).empty
    assert identified_visitors(tables_from_frames({}), MARCH).empty


@pytest.fixture
def ingested(nextbest: Any, tmp_path: Path) -> Path:
    """A home of two buyers whose events came by ingest: one of them was visitor v1 first."""
    orders = pd.DataFrame({"customer_id": ["an", "binh"], "order_id": ["o1", "o2"], "product_id": "tea", "ordered_at": "2025-02-01"})
    rows = [
        {
            "event_id": "e1",
            "visitor_id": "v1",
            "customer_id": None,
            "event_type": "product_view",
            "product_id": "pot",
            "occurred_at": "2025-02-02",
        },
        {
            "event_id": "e2",
            "visitor_id": "v1",
            "customer_id": "an",
            "event_type": "identify",
            "product_id": None,
            "occurred_at": "2025-02-03",
        },
    ]
    orders.assign(quantity=1, unit_price=5.0).to_csv(tmp_path / "orders.csv", index=False)
    pd.DataFrame(rows).to_csv(tmp_path / "events.csv", index=False)
    for command in (("ingest", "--orders", tmp_path / "orders.csv", "--events", tmp_path / "events.csv"), ("publish",)):
        ended = nextbest(*command)
        assert ended.code == 0, ended.err
    return tmp_path / "home"


def test_what_a_visitor_posts_after_the_home_identified_them_is_in_the_customers_answers(
    ingested: Path, serve_home: Callable[..., Any]
) -> None:
    view = {"event_id": "new", "visitor_id": "v1", "event_type": "product_view", "product_id": "pot", "occurred_at": "2025-02-10"}
    with serve_home(ingested, as_of=MARCH) as client:
        others = client.get("/v1/customers/binh").json()
        assert client.post("/v1/events", json=view).json()["accepted"] == 1
        newest, through = _touchpoint(client, "an"), client.post("/v1/recommendations", json={"visitor_id": "v1"}).json()
        assert client.get("/v1/customers/binh").json() == others
    assert (newest["what"], newest["at"], newest["product_id"]) == ("product_view", "2025-02-10T00:00:00", "pot")
    assert [each["product_id"] for each in through["recommendations"]] == ["tea"], "what the customer bought"
    assert through["recommendations"][0]["source"] == "own_purchases"


def _touchpoint(client: httpx.Client, customer_id: str) -> Any:
    return client.get(f"/v1/customers/{customer_id}").json()["touchpoints"][0]
