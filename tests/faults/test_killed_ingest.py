"""A server that is killed (kill -9) while rows come in: what was acknowledged is there, and nothing is there twice."""

import os
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow
LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")


def check_whole(load: Any, found: dict[str, list[Any]]) -> None:
    """Every acknowledged row is there with all its lines, and no row twice."""
    for rows in found.values():
        assert len(set(rows)) == len(rows)
    assert load.acknowledged["events"] <= set(found["events"])
    assert {(order, line) for order in load.acknowledged["orders"] for line in (0, 1)} <= set(found["lines"])


@pytest.mark.parametrize(
    ("database", "times"), [("sqlite", 2), pytest.param("sqlite", 8, marks=LONG), pytest.param("postgresql", 8, marks=LONG)]
)
def test_what_was_acknowledged_outlives_a_kill_and_nothing_is_there_twice(
    request: pytest.FixtureRequest, served: Any, senders: Any, stored: Any, new_database: Callable[[str], str], database: str, times: int
) -> None:
    url = new_database(request.getfixturevalue("own_postgresql").url) if database == "postgresql" else ""
    with served(url) as server, senders(server.url) as load:
        for time in range(times):
            load.wait_for(200 + 37 * time)
            server.kill()
            check_whole(load, stored(server.database_url))
            server.start()
        load.wait_for(100)
        load.__exit__()
        check_whole(load, stored(server.database_url))
        assert load.open, "some were on their way when it was killed"
        load.send_again()
        found = stored(server.database_url)
        check_whole(load, found)
        assert load.wrong == []
        assert set(found["events"]) == load.acknowledged["events"], "and what was refused or lost on its way is there once by now"
        assert len(found["lines"]) == 2 * len(load.acknowledged["orders"])
