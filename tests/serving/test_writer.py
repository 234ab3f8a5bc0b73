"""Group commit: what many wait for is written together, and each is told what it would be told if it were alone."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, event, select

from serving.state.database import State, open_state
from serving.state.inserts import insert_new
from serving.state.migrate import migrate
from serving.state.tables import POLICIES
from serving.state.unavailable import UnavailableError

NOW = datetime(2026, 3, 1, 12)
MOST_SECONDS = 30
LONG_SECONDS = 0.055
MOST_BEFORE_OURS = 6


class NoSuchThingError(Exception):
    """What a job may raise."""


def add(connection: Connection, version: str, what: int) -> bool:
    """Stores it under this version unless one is there; whether it did."""
    return bool(insert_new(connection, POLICIES, [{"policy_version": version, "record": {"what": what}, "recorded_at": NOW}]))


def storing(version: str, what: int = 0) -> Callable[[Connection], bool]:
    return lambda connection: add(connection, version, what)


def failing(version: str) -> Callable[[Connection], bool]:
    """Writes, and raises then."""

    def job(connection: Connection) -> bool:
        add(connection, version, -1)
        raise NoSuchThingError(version)

    return job


def breaking(version: str) -> Callable[[Connection], bool]:
    """Writes, and sends a statement then which no database takes."""

    def job(connection: Connection) -> bool:
        add(connection, version, -1)
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
        return True

    return job


def stored(state: State) -> dict[str, int]:
    with state.reading() as connection:
        return {row.policy_version: row.record["what"] for row in connection.execute(select(POLICIES))}


@contextmanager
def occupied(state: State) -> Iterator[None]:
    """The writer is at work until the block ends, so that everything that comes meanwhile waits; on PostgreSQL each of its threads is."""
    go = threading.Event()
    count = 1 if state.engine.dialect.name == "sqlite" else 4
    begun = threading.Barrier(count + 1)

    def job(_: Connection) -> None:
        begun.wait(MOST_SECONDS)
        go.wait(MOST_SECONDS)

    threads = [threading.Thread(target=state.write, args=(job,)) for _ in range(count)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)  # each is taken by a thread of its own
    begun.wait(MOST_SECONDS)
    try:
        yield
    finally:
        go.set()
        for thread in threads:
            thread.join()


def wait_together(state: State, jobs: list[Callable[[Connection], bool]]) -> list[bool | BaseException]:
    """All these jobs wait before the first is begun; what each is told."""

    async def main() -> list[bool | BaseException]:
        with occupied(state):
            asked = [asyncio.ensure_future(state.write_soon(job)) for job in jobs]
            await asyncio.sleep(0)  # they wait now
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(main())


@contextmanager
def commits(state: State) -> Iterator[list[None]]:
    counted: list[None] = []

    def count(_: Connection) -> None:
        counted.append(None)

    event.listen(state.engine, "commit", count)
    yield counted
    event.remove(state.engine, "commit", count)


def test_a_job_is_told_what_it_returned_and_is_there(state: State) -> None:
    assert state.write(storing("a", 3))
    assert not state.write(storing("a", 4))
    assert asyncio.run(state.write_soon(storing("b", 5)))
    assert stored(state) == {"a": 3, "b": 5}


def test_many_who_wait_share_a_transaction(state: State) -> None:
    with commits(state) as counted:
        assert wait_together(state, [storing(f"v{n}") for n in range(50)]) == [True] * 50
    assert len(stored(state)) == 50
    assert len(counted) <= 12, "those that occupied the writer, and few more"


def test_what_a_loop_has_at_hand_is_written_in_one_transaction(state: State) -> None:
    async def one(version: str) -> bool:
        time.sleep(0.002)  # work that lets other threads in, as reading does
        return await state.write_soon(storing(version))

    async def several(name: str) -> list[bool]:
        return await asyncio.gather(*(one(f"{name}-{n}") for n in range(10)))

    state.write(storing("first"))
    needed = []
    for number in range(5):
        time.sleep(0.05)  # the writer's thread is back at waiting
        with commits(state) as made:
            assert asyncio.run(several(f"round {number}")) == [True] * 10
        needed.append(len(made))
    assert min(needed) == 1


def test_jobs_are_done_in_the_order_in_which_they_came(tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    migrate(url)
    state = open_state(url)
    assert wait_together(state, [storing("same", n) for n in range(20)]) == [True] + [False] * 19
    assert stored(state) == {"same": 0}
    state.close()


@pytest.mark.parametrize("bad", [failing, breaking])
def test_one_that_raises_is_undone_alone(state: State, bad: Callable[[str], Callable[[Connection], bool]]) -> None:
    told = wait_together(state, [storing("a"), bad("b"), storing("c"), bad("d"), storing("b", 7)])
    assert [each if isinstance(each, bool) else "raised" for each in told] == [True, "raised", True, "raised", True]
    assert stored(state) == {"a": 0, "b": 7, "c": 0}


KINDS = {"store": storing, "fail": failing, "break": breaking}
JOBS = st.lists(
    st.tuples(st.sampled_from(["store", "store", "store", "fail", "break"]), st.sampled_from("abcdefgh")), min_size=8, max_size=24
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JOBS)
def test_any_jobs_leave_what_they_would_leave_one_by_one(state: State, asked: list[tuple[str, str]]) -> None:
    with state.writing() as connection:
        connection.execute(delete(POLICIES))
    told = wait_together(state, [KINDS[kind](version) for kind, version in asked])
    wanted = {version for kind, version in asked if kind == "store"}
    assert set(stored(state)) == wanted
    assert sum(each is True for each in told) == len(wanted), "each is new to one of those who brought it"
    raised = [isinstance(each, Exception) for each in told]
    assert raised == [kind != "store" for kind, _ in asked]


def test_a_job_may_undo_a_part_of_itself(state: State) -> None:
    def job(connection: Connection) -> bool:
        add(connection, "kept", 1)
        part = connection.begin_nested()
        add(connection, "undone", 1)
        part.rollback()
        return True

    assert wait_together(state, [job, storing("other")]) == [True, True]
    assert stored(state) == {"kept": 1, "other": 0}


def test_more_than_may_wait_are_told_to_come_again(empty_database: str) -> None:
    migrate(empty_database)
    state = open_state(empty_database, most_waiting=5)
    told = wait_together(state, [storing(f"v{n}") for n in range(8)])
    assert told[:5] == [True] * 5
    for each in told[5:]:
        assert isinstance(each, UnavailableError)
        assert (each.kind, each.retry_seconds) == ("busy", 1)
    assert len(stored(state)) == 5
    assert state.write(storing("later")), "there is room again"
    state.close()


def test_what_was_accepted_is_finished_before_it_closes(state: State) -> None:
    async def main() -> list[bool]:
        asked = [asyncio.ensure_future(state.write_soon(storing(f"v{n}"))) for n in range(300)]
        await asyncio.sleep(0)
        await asyncio.to_thread(state.close)
        return await asyncio.gather(*asked)

    assert asyncio.run(main()) == [True] * 300
    assert len(stored(state)) == 300


def test_who_asked_and_went_away_holds_up_nobody(state: State) -> None:
    async def main() -> bool:
        with occupied(state):
            gone = asyncio.ensure_future(state.write_soon(storing("gone")))
            stays = asyncio.ensure_future(state.write_soon(storing("stays")))
            await asyncio.sleep(0)
            gone.cancel()
        return await stays

    assert asyncio.run(main())
    assert stored(state)["stays"] == 0


def test_two_servers_write_into_one_database(empty_database: str) -> None:
    migrate(empty_database)
    states = [open_state(empty_database) for _ in range(2)]
    told: list[bool] = []

    async def send(state: State) -> None:
        told.extend(await asyncio.gather(*(state.write_soon(storing(f"v{n}")) for n in range(200))))

    threads = [threading.Thread(target=lambda state=state: asyncio.run(send(state))) for state in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 200 + [True] * 200
    assert len(stored(states[0])) == 200
    for state in states:
        state.close()


def test_who_writes_without_a_pause_lets_other_processes_in_between(tmp_path: Path) -> None:
    """On SQLite: theirs would begin the next transaction before ours looks whether it may, tens of times in a row."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    ours, others = open_state(url), open_state(url)
    over, waited = threading.Event(), []

    def publish() -> None:
        while not over.is_set():
            with others.writing() as connection:
                add(connection, "long", 0)
                time.sleep(LONG_SECONDS)

    threads = [threading.Thread(target=publish) for _ in range(2)]
    with commits(others) as theirs:
        for thread in threads:
            thread.start()
        try:
            for n in range(40):
                before = len(theirs)
                assert ours.write(storing(f"v{n}"))
                waited.append(len(theirs) - before)
        finally:
            over.set()
            for thread in threads:
                thread.join()
    assert max(waited) <= MOST_BEFORE_OURS, waited
    for state in (ours, others):
        state.close()


def test_jobs_that_wait_for_each_other_s_locks_are_done_all_the_same(empty_postgresql: str) -> None:
    migrate(empty_postgresql)
    state = open_state(empty_postgresql)

    def locking(first: int, second: int) -> Callable[[Connection], bool]:
        def job(connection: Connection) -> bool:
            for lock in (first, second):
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (lock,))
                time.sleep(0.02)
            return add(connection, f"{first}-{threading.get_ident()}-{time.monotonic_ns()}", 0)

        return job

    told = wait_together(state, [locking(*pair) for _ in range(8) for pair in ((1, 2), (2, 1))])
    assert told == [True] * 16
    assert len(stored(state)) == 16
    state.close()
