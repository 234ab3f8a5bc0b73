"""Decisions are recorded only while what they rest on holds: contact limits and budgets are kept however many decide at once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, select

from serving.recording import Entry, Outcome, Recording, record
from serving.state import decisions, policies
from serving.state.budgets import BudgetTake, left
from serving.state.database import State
from serving.state.policies import KeptPolicies
from serving.state.tables import BUDGETS, CONTACTS, DECISIONS, metadata

NOW = datetime(2026, 3, 10, 12)
MARCH = datetime(2026, 3, 1)
RECORDED, KNOWN, CONTACTED, EXHAUSTED = Outcome


def nothing(_: Connection) -> None:
    """Keeps no policy."""


def entry(
    decision_id: str, who: str, *, seen: int = 0, cost: float | None = None, contacts: int = 1, also: Sequence[str] = (), **budget: Any
) -> Entry:
    """A decision about `who` that contacts them, `seen` contacts having been there; with a cost it takes from the budget of March."""
    shared = {"decision_id": decision_id, "channel": "email", "action_id": "offer", "decided_at": NOW}
    others = {
        "customer_id": who,
        "visitor_id": None,
        "stage": "retention",
        "action_probability": 0.5,
        "policy_version": "v1",
        "holdout": False,
        "digest": None,
    }
    rows = [{**shared, "rank": rank, "subject_id": who} for rank in range(1, contacts + 1)]
    takes = [] if cost is None else [BudgetTake("offer", MARCH, contacts, cost, **budget)]
    return Entry({**shared, **others, "request": {}, "record": {}}, rows, takes, (who, *also), seen)


def stored(state: State) -> Counter[str]:
    with state.reading() as connection:
        return Counter(str(row.customer_id) for row in connection.execute(select(DECISIONS)))


def test_a_decision_is_recorded_with_its_contacts_its_policy_and_what_it_takes(state: State) -> None:
    kept = KeptPolicies()
    outcomes = record(
        state,
        [entry("d1", "an", cost=2.5, most_contacts=1)],
        lambda connection: kept.keep(connection, "v1", lambda: {"seed": 3}, NOW),
    )
    assert outcomes == [RECORDED]
    with state.reading() as connection:
        assert (decisions.find(connection, "d1") or {})["customer_id"] == "an"
        assert decisions.contact_counts(connection, ["an"]) == {"an": 1}
        assert policies.find(connection, "v1") == {"seed": 3}
        assert left(connection, {"offer": (MARCH, 1, 10.0)}) == {"offer": (0.0, 7.5)}


def test_what_rests_on_older_contacts_is_not_recorded_and_takes_nothing(state: State) -> None:
    assert record(state, [entry("d1", "an")], nothing) == [RECORDED]
    assert record(state, [entry("d2", "an", cost=1.0)], nothing) == [CONTACTED]
    assert record(state, [entry("d2", "binh", also=["an"], cost=1.0)], nothing) == [CONTACTED], "one of their visitors was"
    assert record(state, [entry("d1", "an", seen=1, cost=1.0)], nothing) == [KNOWN]
    with state.reading() as connection:
        assert connection.execute(select(BUDGETS)).all() == []
    assert record(state, [entry("d2", "an", seen=1)], nothing) == [RECORDED]


def test_without_a_budget_nothing_of_the_transaction_stays(state: State) -> None:
    one, kept = entry("d1", "an", cost=3.0, most_money=5.0), KeptPolicies()
    two = entry("d2", "binh", cost=3.0, most_money=5.0)
    keep: Callable[[Connection], None] = lambda connection: kept.keep(connection, "v1", lambda: {"seed": 3}, NOW)  # noqa: E731
    assert record(state, [one, two], keep) == [EXHAUSTED, EXHAUSTED]
    assert stored(state) == {}
    with state.reading() as connection:
        assert policies.find(connection, "v1") is None
        assert connection.execute(select(CONTACTS)).all() == []
    assert record(state, [one], keep) == [RECORDED]
    assert record(state, [two, entry("d3", "chi")], keep) == [EXHAUSTED, EXHAUSTED]
    assert stored(state) == {"an": 1}


def test_many_are_told_one_by_one_what_became_of_them(state: State) -> None:
    record(state, [entry("d0", "an")], nothing)
    many = [
        entry("d1", "binh", cost=1.0),
        entry("d2", "an", cost=1.0),
        entry("d3", "binh", cost=1.0),
        entry("d1", "chi", cost=1.0),
        entry("d0", "dung", cost=1.0),
        entry("d4", "em", contacts=0),
        entry("d5", "em", cost=1.0),
    ]
    assert record(state, many, nothing) == [RECORDED, CONTACTED, CONTACTED, KNOWN, KNOWN, RECORDED, RECORDED]
    assert stored(state) == {"an": 1, "binh": 1, "em": 2}
    with state.reading() as connection:
        assert left(connection, {"offer": (MARCH, 10, 10.0)}) == {"offer": (8.0, 8.0)}
    assert record(state, [], nothing) == []


def test_one_that_rests_on_the_one_before_it_is_recorded_with_it_and_never_without(state: State) -> None:
    both = [entry("d1", "an"), entry("d2", "an", seen=1), entry("d3", "an", seen=2)]
    assert record(state, both, nothing) == [RECORDED] * 3
    assert record(state, [entry("e0", "binh")], nothing) == [RECORDED]
    # the one contact there is not the first one's, which the second has seen
    late = [entry("e1", "binh"), entry("e2", "binh", seen=1), entry("e3", "chi")]
    assert record(state, late, nothing) == [CONTACTED, CONTACTED, RECORDED]
    assert stored(state) == {"an": 3, "binh": 1, "chi": 1}


def test_one_that_rests_on_a_decision_somebody_else_recorded_is_made_anew(state: State) -> None:
    assert record(state, [entry("d1", "an", contacts=0)], nothing) == [RECORDED]
    assert record(state, [entry("d1", "an"), entry("d2", "an", seen=1)], nothing) == [CONTACTED, CONTACTED]
    assert stored(state) == {"an": 1}


@given(drawn=st.data())
def test_jobs_recorded_together_are_recorded_as_if_one_came_after_the_other(drawn: st.DataObject) -> None:
    numbers = iter(range(100))
    one = st.builds(
        lambda who, seen, cost: entry(f"d{next(numbers)}", who, seen=seen, cost=cost, most_contacts=2),
        who=st.sampled_from(["an", "bo", "cy", "di"]),
        seen=st.sampled_from([0, 0, 0, 1]),
        cost=st.sampled_from([None, 1.0]),
    )
    jobs = [Recording(entries, nothing) for entries in drawn.draw(st.lists(st.lists(one, min_size=1, max_size=3), min_size=2, max_size=4))]
    with empty_database() as alone, empty_database() as together:
        for each in (alone, together):
            Recording([entry("d1", "ed")], nothing)(each)
        one_by_one = [job(alone) for job in jobs]
        assert Recording.do_all(together, jobs) == one_by_one
        assert contents(together) == contents(alone)


def test_of_two_jobs_that_bring_one_decision_the_second_is_told_that_it_is_known(state: State) -> None:
    jobs = [Recording([entry("d1", "an", seen=seen)], nothing) for seen in (0, 1)]
    assert state.write(lambda connection: Recording.do_all(connection, jobs)) == [[RECORDED], [KNOWN]]
    assert stored(state) == {"an": 1}


@contextmanager
def empty_database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def contents(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [sorted(tuple(map(str, row)) for row in connection.execute(select(table))) for table in (DECISIONS, CONTACTS, BUDGETS)]


def decided_until_recorded(state: State, decision_id: str, who: str, kept: KeptPolicies) -> str:
    """Reads, decides (the offer while there is budget and no contact yet, else nothing), records; anew until that holds. The action."""
    for _ in range(200):
        with state.reading() as connection:
            there = left(connection, {"offer": (MARCH, 100, 60.0)})["offer"]
            seen = decisions.contact_counts(connection, [who]).get(who, 0)
        offers = seen == 0 and there[0] >= 1 and there[1] >= 0.5
        budget = {"cost": 0.5, "most_contacts": 100, "most_money": 60.0} if offers else {"contacts": 0}
        made = entry(decision_id, who, seen=seen, **budget)
        keep: Callable[[Connection], None] = lambda connection: kept.keep(connection, "v1", dict, NOW)  # noqa: E731
        if record(state, [made], keep) == [RECORDED]:
            return "offer" if offers else "no_action"
    raise AssertionError("it can never be recorded")


def at_once(work: Callable[[], None]) -> None:
    """Twelve threads do this at the same time."""
    go, failed = threading.Barrier(12), list[BaseException]()

    def one() -> None:
        try:
            go.wait()
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_of_many_who_decide_about_one_customer_at_once_one_contacts_them(state: State) -> None:
    made: list[Outcome] = []
    for who in (f"c{n}" for n in range(25)):
        at_once(lambda who=who: made.extend(record(state, [entry(f"{who}-{threading.get_ident()}", who)], nothing)))  # type: ignore[misc]
    assert Counter(made) == {RECORDED: 25, CONTACTED: 275}


def test_a_thousand_decisions_on_a_budget_of_a_hundred_give_a_hundred_offers_and_no_customer_gets_two(state: State) -> None:
    waiting = [(f"d{n}", f"c{n % 400}") for n in range(1_000)]
    made: list[str] = []
    kept = KeptPolicies()

    def work() -> None:
        while waiting:
            try:
                decision_id, who = waiting.pop()
            except IndexError:
                return
            made.append(decided_until_recorded(state, decision_id, who, kept))

    at_once(work)
    assert Counter(made) == {"offer": 100, "no_action": 900}
    assert sum(stored(state).values()) == 1_000
    with state.reading() as connection:
        assert left(connection, {"offer": (MARCH, 100, 60.0)}) == {"offer": (0.0, 10.0)}
        assert set(decisions.contact_counts(connection, [f"c{n}" for n in range(400)]).values()) == {1}
