"""Two workers of one server: the same event posted to both at the same time is one row, and a budget is never overdrawn."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow
LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
THREADS = 8
GIFT = """
margin_share: 0.3
actions:
  - {action_id: gift, name: A gift, channel: web, cost: 0.25, value: 1000, response_prior: 0.5}
"""


def at_once(server: Any, work: Callable[[httpx.Client, int], None]) -> None:
    """Does this in every thread, each with connections of its own, which the workers share among them."""
    failed = list[BaseException]()

    def run(me: int) -> None:
        try:
            with server.client(timeout=120) as client:
                work(client, me)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(me,)) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def post_each(server: Any, rows: Sequence[dict[str, Any]]) -> list[Counter[str]]:
    """What was answered about each row, which every thread posts at the same time."""
    together, found = threading.Barrier(THREADS), [Counter[str]() for _ in rows]

    def work(client: httpx.Client, _: int) -> None:
        for row, told in zip(rows, found, strict=True):
            together.wait(60)
            answer = client.post("/v1/events", json=row, headers={"Connection": "close"}).json()
            told.update({name: answer[name] for name in ("accepted", "duplicate", "refused")})

    at_once(server, work)
    return found


@pytest.mark.parametrize(("database", "count"), [("sqlite", 60), pytest.param("postgresql", 300, marks=LONG)])
def test_an_event_that_both_get_at_the_same_time_is_accepted_once(
    request: pytest.FixtureRequest, served: Any, stored: Any, new_database: Any, database: str, count: int
) -> None:
    url = new_database(request.getfixturevalue("own_postgresql").url) if database == "postgresql" else ""
    rows = [{"event_id": f"e{n}", "customer_id": "c1", "event_type": "page_view"} for n in range(count)]
    with served(url, arguments=("--workers", "2")) as server:
        assert post_each(server, rows) == [Counter(accepted=1, duplicate=THREADS - 1, refused=0)] * count
        assert sorted(stored(server.database_url)["events"]) == sorted(row["event_id"] for row in rows)


@pytest.mark.parametrize(
    ("database", "count", "budget"),
    [("sqlite", 200, 20), pytest.param("sqlite", 1000, 100, marks=LONG), pytest.param("postgresql", 1000, 100, marks=LONG)],
)
def test_many_decisions_at_once_never_overdraw_a_budget(
    request: pytest.FixtureRequest, served: Any, new_database: Any, database: str, count: int, budget: int
) -> None:
    url = new_database(request.getfixturevalue("own_postgresql").url) if database == "postgresql" else ""
    given, waiting = Counter[str](), list(range(count))
    everybody = {"NEXTBEST_HOLDOUT_SHARE": "0", "NEXTBEST_RANDOM_SHARE": "0"}
    pinned = ("--workers", "2", "--as-of", "2025-03-01T12:00:00")
    server = served(url, arguments=pinned, environment=everybody)
    (server.home / "config" / "catalogue.yaml").write_text(GIFT, encoding="utf-8")
    (server.home / "config" / "limits.yaml").write_text(f"budgets: {{gift: {{per: day, contacts: {budget}}}}}", encoding="utf-8")

    def work(client: httpx.Client, _: int) -> None:
        while waiting:
            try:
                n = waiting.pop()
            except IndexError:
                return
            response = client.post("/v1/decisions", json={"customer_id": f"c{n}", "decision_id": f"d{n}"}, headers={"Connection": "close"})
            assert response.status_code == 200, response.text
            given.update([response.json()["actions"][0]["action_id"]])

    with server:
        at_once(server, work)
    assert given["gift"] == budget
    assert given.total() == count
