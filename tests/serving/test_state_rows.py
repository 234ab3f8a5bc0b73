import threading
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from serving.state import customers, decisions, events, publications
from serving.state.customers import StoredCustomer
from serving.state.database import State
from serving.state.publications import CustomerRow
from serving.state.somebody import Rows, Whom, read

NOW = datetime(2026, 3, 1, 12)


def event(event_id: str, *, customer_id: str = "c1", days_ago: float = 1) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "customer_id": customer_id,
        "visitor_id": None,
        "event_type": "product_view",
        "occurred_at": NOW - timedelta(days=days_ago),
        "channel": None,
        "product_id": "p1",
        "value": None,
        "decision_id": None,
        "properties": {"page": "home", "tên": "Hà Nội"},
        "received_at": NOW,
    }


def decision(decision_id: str, *, days_ago: float = 1) -> dict[str, Any]:
    return {
        "decision_id": decision_id,
        "customer_id": "c1",
        "visitor_id": None,
        "decided_at": NOW - timedelta(days=days_ago),
        "stage": "retention",
        "channel": "email",
        "action_id": "win_back",
        "action_probability": 0.5,
        "policy_version": "v",
        "holdout": False,
        "request": {},
        "record": {},
    }


def contacts_of(decision_id: str, *, days_ago: float = 1) -> list[dict[str, Any]]:
    at = NOW - timedelta(days=days_ago)
    return [{"decision_id": decision_id, "rank": 1, "subject_id": "c1", "action_id": "win_back", "channel": "email", "decided_at": at}]


def outcome(event_id: str, decision_id: str, outcome_type: str, *, hours_ago: float) -> dict[str, Any]:
    occurred_at = NOW - timedelta(hours=hours_ago)
    return {
        "event_id": event_id,
        "decision_id": decision_id,
        "outcome_type": outcome_type,
        "occurred_at": occurred_at,
        "value": None,
        "received_at": NOW,
    }


def rows_of(connection: Connection, customer_id: str, before: datetime = NOW) -> Rows:
    (found,) = read(connection, [Whom(customer_id, None, before)])
    return found


def stored(connection: Connection, *customer_ids: str) -> dict[str, StoredCustomer]:
    found = {who: rows_of(connection, who).stored for who in customer_ids}
    return {who: customer for who, customer in found.items() if customer is not None}


def test_an_event_is_stored_once_however_often_it_comes(state: State) -> None:
    with state.writing() as connection:
        assert events.add_events(connection, [event("e1"), event("e2"), event("e1")]) == {"e1", "e2"}
    with state.writing() as connection:
        assert events.add_events(connection, [event("e2"), event("e3")]) == {"e3"}
    with state.reading() as connection:
        assert [e["event_id"] for e in rows_of(connection, "c1").events] == ["e1", "e2", "e3"]


def test_a_large_batch_goes_in_whole(state: State) -> None:
    with state.writing() as connection:
        assert len(events.add_events(connection, [event(f"e{i}") for i in range(2500)])) == 2500


def test_the_same_events_sent_by_many_at_once_are_stored_once(state: State) -> None:
    ids = [f"e{i}" for i in range(50)]
    new: list[int] = []

    def send(order: list[str]) -> None:
        with state.writing() as connection:
            new.append(len(events.add_events(connection, [event(i) for i in order])))

    threads = [threading.Thread(target=send, args=(ids if n % 2 else ids[::-1],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(new) == 8
    assert sum(new) == 50


def test_only_rows_before_the_instant_are_read_oldest_first(state: State) -> None:
    with state.writing() as connection:
        events.add_events(connection, [event("now", days_ago=0), event("late", days_ago=1), event("early", days_ago=9)])
    with state.reading() as connection:
        found = rows_of(connection, "c1").events
    assert [e["event_id"] for e in found] == ["early", "late"]


def test_what_a_visitor_did_belongs_to_the_customer_they_turn_out_to_be(state: State) -> None:
    before = {**event("v1", days_ago=5), "customer_id": None, "visitor_id": "v"}
    said = {**event("i1", days_ago=2), "event_type": "identify", "visitor_id": "v"}
    again_by_another = {**said, "event_id": "i2", "customer_id": "c2", "occurred_at": NOW - timedelta(days=1)}
    with state.writing() as connection:
        events.add_events(connection, [before, said, again_by_another])
    with state.reading() as connection:
        mine = rows_of(connection, "c1")
        assert mine.visitors == {"v": said["occurred_at"]}
        assert rows_of(connection, "c1", said["occurred_at"]).visitors == {}
        assert rows_of(connection, "c2").visitors == {}
        assert [(e["event_id"], e.get("known_at")) for e in mine.events] == [("v1", said["occurred_at"]), ("i1", None)]
        assert [e["event_id"] for e in rows_of(connection, "c2").events] == ["i2"]
        whose = read(connection, [Whom(None, "v", before) for before in (NOW, said["occurred_at"])])
        assert [rows.identified for rows in whose] == ["c1", None]


def test_contacts_carry_their_outcomes_in_order(state: State) -> None:
    with state.writing() as connection:
        assert decisions.add(connection, decision("d1", days_ago=2), contacts_of("d1", days_ago=2))
        assert decisions.add(connection, decision("d2", days_ago=1), contacts_of("d2", days_ago=1))
        assert not decisions.add(connection, decision("d2"), contacts_of("d2"))
        decisions.add_outcomes(connection, [outcome("o2", "d1", "converted", hours_ago=1), outcome("o1", "d1", "delivered", hours_ago=9)])
    with state.reading() as connection:
        contacts = rows_of(connection, "c1").contacts
        assert [(c["decision_id"], c["outcomes"]) for c in contacts] == [("d1", ["delivered", "converted"]), ("d2", [])]
        earlier = rows_of(connection, "c1", NOW - timedelta(hours=1)).contacts
        assert [(c["decision_id"], c["outcomes"]) for c in earlier] == [("d1", ["delivered"]), ("d2", [])]
        assert contacts[0]["outcomes_at"] == [NOW - timedelta(hours=9), NOW - timedelta(hours=1)]
        older = rows_of(connection, "c1", NOW - timedelta(days=1.5)).contacts
        assert [c["decision_id"] for c in older] == ["d1"]
        assert decisions.channels_of(connection, ["d1", "nowhere"]) == {"d1": ("c1", "email")}
        assert sum(decisions.contact_counts(connection, ["c1", "v"]).values()) == 2


def publish(state: State, names: dict[str, str], *, complete: bool = True) -> int:
    with state.writing() as connection:
        generation = publications.begin(connection, as_of=NOW, started_at=NOW)
        rows = [CustomerRow(who, orjson.dumps({"name": name}), b'{"email":true}', b"[]", b"\x00h", None) for who, name in names.items()]
        publications.add_customers(connection, generation, rows)
    if complete:
        with state.writing() as connection:
            publications.complete(connection, generation, {"levels": {"a": 1.5}})
            publications.remove_others(connection, generation, NOW)
    return generation


def test_readers_see_the_newest_complete_publication_whole(state: State) -> None:
    with state.reading() as connection:
        assert publications.current(connection) is None
        assert rows_of(connection, "c1").stored is None
    first = publish(state, {"c1": "An", "c2": "Bo"})
    publish(state, {"c1": "half"}, complete=False)
    with state.reading() as connection:
        now = publications.current(connection)
        assert now is not None
        assert (now.generation, now.facts) == (first, {"levels": {"a": 1.5}})
        found = stored(connection, "c1", "c2", "c3")
    assert {who: c.profile["name"] for who, c in found.items()} == {"c1": "An", "c2": "Bo"}
    assert found["c1"].history == b"\x00h"
    third = publish(state, {"c1": "new"})
    with state.reading() as connection:
        found = stored(connection, "c1", "c2")
    assert third > first
    assert {who: c.profile["name"] for who, c in found.items()} == {"c1": "new"}


def test_what_was_posted_about_a_customer_stands_over_what_was_published(state: State) -> None:
    publish(state, {"c1": "An"})
    with state.writing() as connection:
        customers.put_profile(connection, "c1", {"city": "Huế", "name": "Anh"}, NOW)
        customers.put_profile(connection, "c1", {"city": None}, NOW)
        customers.put_consent(connection, "c1", {"sms": False}, NOW)
        customers.put_consent(connection, "new", {"email": True}, NOW)
    with state.reading() as connection:
        old, new = rows_of(connection, "c1").stored, rows_of(connection, "new").stored
    assert old is not None
    assert new is not None
    assert (old.profile, old.consent) == ({"name": "Anh"}, {"email": True, "sms": False})
    assert (new.generation, new.consent) == (0, {"email": True})
