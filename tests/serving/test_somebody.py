"""Everything about somebody by one statement: held to a plain reading of the same rows, on each database."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from features.history import CustomerHistory
from serving.clock import SKEW
from serving.publishing import publish
from serving.state import customers, decisions, events
from serving.state.database import State
from serving.state.events import MOST_ROWS
from serving.state.somebody import Rows, SomebodyReader, Whom, read, somebody_reader

NOW = datetime(2025, 3, 1)
CUSTOMERS, VISITORS = [f"c{n}" for n in range(6)], [f"v{n}" for n in range(6)]
PUBLISHED, PUT = CUSTOMERS[:4], CUSTOMERS[2:5]
BEFORE = [NOW, NOW - timedelta(days=1), NOW - timedelta(days=2, microseconds=1)]


@dataclass
class Posted:
    """What was posted, and who was published to have been which visitor."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    contacts: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    named: list[tuple[str, str, datetime]] = field(default_factory=list)


def make(rng: random.Random) -> Posted:
    """Rows around the instants that are asked for, many at the very same one."""

    def at() -> datetime:
        return rng.choice(BEFORE) + timedelta(microseconds=rng.choice([-1, 0, 1]), seconds=rng.choice([0, 0, -900, 300, 900]))

    def event(number: int) -> dict[str, Any]:
        which = rng.choice(["identify", "identify", "product_view"])
        who = {"customer_id": rng.choice([None, *CUSTOMERS]), "visitor_id": rng.choice([None, *VISITORS])}
        said = {"product_id": rng.choice([None, "tea"]), "value": rng.choice([None, 0.1 + 0.2]), "channel": None, "decision_id": None}
        return {"event_id": f"e{number}", "event_type": which, **who, "occurred_at": at(), **said, "properties": None, "received_at": NOW}

    def line(number: int) -> dict[str, Any]:
        sold = {"quantity": rng.random(), "unit_price": 1e3 * rng.random(), "discount_amount": 0.1 + 0.2, "line_kind": "sale"}
        sold |= {"product_id": "tea", "channel": "web", "store_id": None, "currency": None, "received_at": NOW}
        return {"order_id": f"o{number}", "line": number % 3, "customer_id": rng.choice(CUSTOMERS), "ordered_at": at(), **sold}

    made = Posted(events=[event(n) for n in range(120)], lines=[line(n) for n in range(60)])
    made.events = [each for each in made.events if each["customer_id"] or each["visitor_id"]]
    made.named = [(who, rng.choice(CUSTOMERS), at()) for who in rng.sample(VISITORS, 3)]
    for number in range(60):
        decided = {"decision_id": f"d{number}", "subject_id": rng.choice(CUSTOMERS + VISITORS), "channel": "email", "decided_at": at()}
        made.contacts += [{**decided, "rank": rank, "action_id": f"a{rank}"} for rank in range(1, rng.randint(2, 4))]
    for number in range(90):
        happened = {"decision_id": f"d{rng.randrange(60)}", "outcome_type": rng.choice(["viewed", "accepted"]), "occurred_at": at()}
        made.outcomes.append({"event_id": f"u{number}", **happened, "value": None, "received_at": NOW})
    return made


def store(state: State, made: Posted) -> None:
    known = pd.DataFrame(made.named, columns=["visitor_id", "customer_id", "identified_at"]).astype({"identified_at": "datetime64[us]"})
    publish(state, as_of=NOW, histories=[(who, CustomerHistory.empty()) for who in PUBLISHED], visitors=known)
    more = {"customer_id": None, "visitor_id": "x", "stage": "s", "action_probability": 1.0, "policy_version": "p", "holdout": False}
    with state.writing() as connection:
        events.add_events(connection, made.events)
        events.add_order_lines(connection, made.lines)
        decided = {row["decision_id"]: row for row in made.contacts}
        shown = ("decision_id", "action_id", "channel", "decided_at")
        rows = [{**{name: row[name] for name in shown}, **more, "request": {}, "record": {}} for row in decided.values()]
        decisions.add_many(connection, rows, made.contacts)
        decisions.add_outcomes(connection, made.outcomes)
        for who in PUT:
            customers.put_profile(connection, who, {"name": who, "gone": None}, NOW)


def whose(made: Posted, visitor_id: str, before: datetime) -> tuple[str, datetime] | None:
    """Who was named first for the visitor, and when."""
    told = [
        (e["visitor_id"], e["customer_id"], e["occurred_at"]) for e in made.events if e["event_type"] == "identify" and e["customer_id"]
    ]
    said = [(at, who) for visitor, who, at in [*told, *made.named] if visitor == visitor_id and at < before]
    return None if not said else min(said)[::-1]


def expected(made: Posted, asked: Whom) -> dict[str, Any]:
    """The same as a plain reading of the rows has it."""
    before, found = asked.before, asked.visitor_id and whose(made, asked.visitor_id, asked.before)
    who = asked.customer_id or (found[0] if found else None)
    named = {each: first for each in VISITORS if (first := whose(made, each, before)) is not None}
    visitors = {each: at for each, (owner, at) in named.items() if owner == who}
    subjects = (asked.visitor_id,) if who is None else (who, *sorted(visitors))
    seen = [each for each in made.events if each["occurred_at"] < before]
    mine = [e["event_id"] for e in seen if (e["customer_id"] == who if who else e["visitor_id"] == asked.visitor_id)]
    mine += [e["event_id"] for e in seen if e["customer_id"] is None and e["visitor_id"] in visitors]
    contacts = [c for c in made.contacts if c["subject_id"] in subjects]
    shown = sorted((c for c in contacts if c["decided_at"] <= before + SKEW), key=lambda c: (c["decided_at"], c["decision_id"], c["rank"]))
    return {
        "customer_id": who,
        "visitors": visitors,
        "subject_ids": subjects,
        "lines": {
            (e["order_id"], e["quantity"], e["unit_price"]) for e in made.lines if e["customer_id"] == who and e["ordered_at"] < before
        },
        "events": {(each, known_at(made, each, visitors)) for each in mine},
        "contacts": [(c["decision_id"], c["subject_id"], c["action_id"], *outcomes(made, c["decision_id"], before)) for c in shown],
        "contact_count": len(contacts),
        "stored": who in PUBLISHED or who in PUT,
        "profile": {"name": who} if who in PUT else {},
    }


def known_at(made: Posted, event_id: str, visitors: dict[str, datetime]) -> datetime | None:
    (row,) = (each for each in made.events if each["event_id"] == event_id)
    return max(row["occurred_at"], visitors[row["visitor_id"]]) if row["customer_id"] is None and row["visitor_id"] in visitors else None


def outcomes(made: Posted, decision_id: str, before: datetime) -> tuple[list[str], list[datetime]]:
    mine = sorted((o["occurred_at"], o["event_id"], o["outcome_type"]) for o in made.outcomes if o["decision_id"] == decision_id)
    seen = [each for each in mine if each[0] < before]
    return [each[2] for each in seen], [each[0] for each in seen]


def told(rows: Rows) -> dict[str, Any]:
    for table, at in ((rows.lines, "ordered_at"), (rows.events, "occurred_at"), (rows.contacts, "decided_at")):
        assert [row[at] for row in table] == sorted(row[at] for row in table), "oldest first"
    return {
        "customer_id": rows.customer_id,
        "visitors": rows.visitors,
        "subject_ids": rows.subject_ids,
        "lines": {(row["order_id"], row["quantity"], row["unit_price"]) for row in rows.lines},
        "events": {(row["event_id"], row.get("known_at")) for row in rows.events},
        "contacts": [(c["decision_id"], c["subject_id"], c["action_id"], c["outcomes"], c["outcomes_at"]) for c in rows.contacts],
        "contact_count": rows.contact_count,
        "stored": rows.stored is not None,
        "profile": {} if rows.stored is None else rows.stored.profile,
    }


def in_a_loop(state: State, whom: Sequence[Whom]) -> list[Rows | None]:
    async def ask(reader: SomebodyReader) -> list[Rows | None]:
        found = await asyncio.gather(*(reader.rows(each) for each in whom))
        await reader.close()
        return found

    return asyncio.run(ask(somebody_reader(state)))


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_what_a_plain_reading_of_the_rows_tells(state: State, seed: int) -> None:
    made = make(random.Random(seed))
    store(state, made)
    whom = [Whom(who, None, at) for who in [*CUSTOMERS, "nobody"] for at in BEFORE]
    whom += [Whom(None, who, at) for who in [*VISITORS, "nobody"] for at in BEFORE]
    with state.reading() as connection:
        found = read(connection, whom)
    assert [told(rows) for rows in found] == [expected(made, asked) for asked in whom]
    assert any(rows.identified for rows in found)
    assert any(len(rows.visitors) > 1 for rows in found)
    assert in_a_loop(state, whom) == found, "in the event loop the same"


def test_of_very_many_rows_the_newest_are_read(state: State) -> None:
    none = dict.fromkeys(("visitor_id", "channel", "product_id", "value", "decision_id", "properties"))
    told = [
        {
            **none,
            "event_id": f"e{n:05}",
            "customer_id": "c",
            "event_type": "view",
            "occurred_at": NOW - timedelta(seconds=n),
            "received_at": NOW,
        }
        for n in range(1, MOST_ROWS + 3)
    ]
    with state.writing() as connection:
        events.add_events(connection, told)
    with state.reading() as connection:
        (rows,) = read(connection, [Whom("c", None, NOW)])
    assert [row["event_id"] for row in rows.events] == [f"e{n:05}" for n in range(MOST_ROWS, 0, -1)]


def test_another_version_for_every_change_that_products_rest_on(state: State) -> None:
    made = make(random.Random(3))
    store(state, made)

    def version() -> object:
        with state.reading() as connection:
            return read(connection, [Whom("c3", None, NOW)])[0].version

    seen = [version()]
    assert version() == seen[0]
    later = NOW - timedelta(seconds=1)
    none = dict.fromkeys(("channel", "product_id", "value", "decision_id", "properties"))
    who = {"visitor_id": "new", "customer_id": "c3", "occurred_at": later, "received_at": later}
    with state.writing() as connection:
        events.add_events(connection, [{**none, "event_id": "x1", "event_type": "identify", **who}])
    seen.append(version())
    with state.writing() as connection:
        events.add_events(connection, [{**none, "event_id": "x2", "event_type": "view", **who, "customer_id": None}])
    seen.append(version())
    with state.writing() as connection:
        customers.put_consent(connection, "c3", {"email": True}, later)
    seen.append(version())
    publish(state, as_of=NOW, histories=[("c3", CustomerHistory.empty())])
    seen.append(version())
    assert len(set(seen)) == len(seen)
