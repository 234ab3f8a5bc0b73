"""A policy is stored once, as it was when it first decided."""

import threading
from datetime import datetime
from typing import Any

import pytest

from serving.state import policies
from serving.state.database import State
from serving.state.policies import KeptPolicies

NOW = datetime(2026, 3, 1, 12)
RECORD: dict[str, Any] = {"catalogue": "actions: [{action_id: thư}]", "seed": 3, "values": {"retention": [1.5, None]}}


def kept(state: State, version: str) -> dict[str, Any] | None:
    with state.reading() as connection:
        return policies.find(connection, version)


def test_the_first_record_of_a_version_stays_and_is_made_no_more_than_needed(state: State) -> None:
    known, made = KeptPolicies(), []

    def record() -> dict[str, Any]:
        made.append(1)
        return {**RECORD, "seed": 2 + len(made)}

    for _ in range(5):
        with state.writing() as connection:
            known.keep(connection, "v1", record, NOW)
    assert kept(state, "v1") == RECORD
    assert kept(state, "v2") is None
    assert len(made) <= 2


def test_a_version_whose_transaction_was_rolled_back_is_stored_by_the_next(state: State) -> None:
    known = KeptPolicies()

    def fail() -> None:
        with state.writing() as connection:
            known.keep(connection, "v1", lambda: RECORD, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert kept(state, "v1") is None
    with state.writing() as connection:
        known.keep(connection, "v1", lambda: RECORD, NOW)
    assert kept(state, "v1") == RECORD


def test_many_processes_may_keep_one_at_once(state: State) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for version in ("v1", "v2", "v1"):
                with state.writing() as connection:
                    KeptPolicies().keep(connection, version, lambda: RECORD, NOW)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert kept(state, "v1") == kept(state, "v2") == RECORD
