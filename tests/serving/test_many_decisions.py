"""Many decisions at once are stored as if one by one: each once, with its contacts, and nothing of those that were there already."""

import random
import threading
from datetime import datetime, timedelta
from typing import Any

import orjson

from serving.state import decisions
from serving.state.database import State

NOW = datetime(2026, 3, 1, 12, 30, 15, 250_000)


def row(decision_id: str, **given: Any) -> dict[str, Any]:
    shared = {"visitor_id": None, "decided_at": NOW, "stage": "retention", "channel": None, "action_id": "winback", "policy_version": "v"}
    made = {"decision_id": decision_id, "customer_id": f"c-{decision_id}", "action_probability": 0.25, "holdout": False, "digest": None}
    return {**shared, **made, "request": {"known": True}, "record": {"format": 1}, **given}


def contact(decision_id: str, subject_id: str, rank: int = 1) -> dict[str, Any]:
    return {
        "decision_id": decision_id,
        "rank": rank,
        "subject_id": subject_id,
        "action_id": "winback",
        "channel": "email",
        "decided_at": NOW,
    }


def test_each_reads_as_if_it_had_been_stored_alone(state: State) -> None:
    odd: dict[str, Any] = {"tên": 'Huế "\\\t\n', "nothing": None, "numbers": [1, 0.1, 1e300], "nested": {"a": []}}
    rows = [
        row("d1", record=odd, channel="email", holdout=True, visitor_id="v\\N"),
        row("d2", record=orjson.Fragment(orjson.dumps(odd)), request=orjson.Fragment(b'{"known": false}'), stage="tab\there"),
        row("\\.", customer_id="", action_probability=1 / 3, decided_at=NOW - timedelta(microseconds=1)),
    ]
    with state.writing() as connection:
        assert decisions.add_many(connection, rows, []) == {"d1", "d2", "\\."}
    with state.reading() as connection:
        found = {each: decisions.find(connection, each) for each in ("d1", "d2", "\\.")}
    assert found == {"d1": rows[0], "d2": {**rows[1], "record": odd, "request": {"known": False}}, "\\.": rows[2]}


def test_of_what_is_there_already_nothing_changes_and_no_contact_is_added(state: State) -> None:
    with state.writing() as connection:
        assert decisions.add(connection, row("d1"), [contact("d1", "an")])
    brought = [row("d2"), row("d1", stage="advocacy"), row("d3"), row("d3", stage="advocacy")]
    contacts = [contact(each, "an", rank) for each in ("d1", "d2") for rank in (2, 1)]
    with state.writing() as connection:
        assert decisions.add_many(connection, brought, contacts) == {"d2", "d3"}
        assert decisions.add_many(connection, brought, contacts) == set(), "twice in one transaction, too"
        assert decisions.add_many(connection, [], []) == set()
    with state.reading() as connection:
        stages = [(decisions.find(connection, each) or {})["stage"] for each in ("d1", "d2", "d3")]
        assert stages == ["retention"] * 3
        assert decisions.contact_counts(connection, ["an"]) == {"an": 3}


def test_what_is_rolled_back_is_not_stored(state: State) -> None:
    with state.writing() as connection:
        assert decisions.add_many(connection, [row("d1")], [contact("d1", "an")]) == {"d1"}
        connection.rollback()
    with state.writing() as connection:
        assert decisions.contact_counts(connection, ["an"]) == {}
        assert decisions.add_many(connection, [row("d1")], [contact("d1", "an")]) == {"d1"}


def test_batches_that_overlap_are_stored_once_however_many_come_at_once(state: State) -> None:
    ids = [f"d{n:03d}" for n in range(300)]
    new: list[set[str]] = []
    failed: list[BaseException] = []

    def send(seed: int) -> None:
        mine = random.Random(seed).sample(ids, 250)
        try:
            with state.writing() as connection:
                decisions.take_turn(connection, [f"c-{each}" for each in mine])
                new.append(decisions.add_many(connection, [row(each) for each in mine], [contact(each, each) for each in mine]))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sum(map(len, new)) == len(set.union(*new))
    with state.reading() as connection:
        assert decisions.contact_counts(connection, [*ids, "nobody"]) == dict.fromkeys(set.union(*new), 1)


def test_contacts_of_very_many_are_counted_at_once(state: State) -> None:
    many = [f"Nguyễn '{n}\"" for n in range(40_000)]
    contacts = [contact(f"d{n}", who) for n, who in enumerate(many[:3])] + [contact("d0", many[1], 2)]
    with state.writing() as connection:
        decisions.add_many(connection, [row(f"d{n}") for n in range(3)], contacts)
        assert decisions.contact_counts(connection, many) == {many[0]: 1, many[1]: 2, many[2]: 1}
        assert sum(decisions.contact_counts(connection, many[1:3]).values()) == 3
        assert decisions.contact_counts(connection, []) == {}


def test_turns_are_taken_one_after_the_other_whoever_else_is_in_them(state: State) -> None:
    order: list[str] = []

    def decide(name: str, subject_ids: list[str]) -> None:
        with state.writing() as connection:
            decisions.take_turn(connection, subject_ids)
            order.append(name)

    with state.writing() as connection:
        decisions.take_turn(connection, ["an", "binh"])
        other = threading.Thread(target=decide, args=("other", ["chi", "binh"]))
        other.start()
        other.join(0.2)
        order.append("first")
    other.join()
    assert order == ["first", "other"]
