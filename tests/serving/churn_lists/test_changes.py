"""Changes of risk bands: whoever keeps coming back with the cursor is told each change once, in order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from serving.state import scores
from serving.state.database import State

BANDS = ("active", "cooling", "at risk", "lapsed")
FIRST = datetime(2025, 3, 2)
Rows = list[dict[str, Any]]


def moved(rows: Rows, bands: list[str]) -> Rows:
    """The first rows alone, in these bands."""
    return [
        {**row, "band": band, "churn_probability": BANDS.index(band) / 4 + 0.1, "as_of": row["as_of"]}
        for row, band in zip(rows, bands, strict=False)
    ]


def ask(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    said = client.get("/v1/churn/changes", params=asked)
    assert said.status_code == 200, said.text
    found: dict[str, Any] = said.json()
    return found


def told(page: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(change["customer_id"], change["from_band"], change["to_band"]) for change in page["changes"]]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.lists(st.sampled_from(BANDS), min_size=6, max_size=6), min_size=2, max_size=4),
    limit=st.integers(1, 4),
    only=st.sets(st.sampled_from(BANDS)),
    impatient=st.booleans(),
)
def test_each_change_is_told_once_to_whoever_comes_back(
    shop: httpx.Client,
    rows: Rows,
    publish_scores: Callable[..., int],
    steps: list[list[str]],
    limit: int,
    only: set[str],
    impatient: bool,
) -> None:
    publish_scores(moved(rows, steps[0]))
    cursor, seen, expected = _cursor_with(shop, only), [], []
    for before, after in pairwise(steps):
        publish_scores(moved(rows, after))
        changed = sorted((row["customer_id"], a, b) for row, a, b in zip(rows, before, after, strict=False) if a != b)
        expected += [change for change in changed if not only or change[2] in only]
        page = ask(shop, cursor=cursor, limit=limit)
        seen, cursor = seen + told(page), page["next_cursor"]
        while page["more"] and not impatient:
            page = ask(shop, cursor=cursor, limit=limit)
            seen, cursor = seen + told(page), page["next_cursor"]
    page = ask(shop, cursor=cursor, limit=1000)
    assert seen + told(page) == expected
    assert ask(shop, cursor=page["next_cursor"])["changes"] == []


def _cursor_with(client: httpx.Client, bands: set[str]) -> str:
    """The cursor after every change so far, for these bands."""
    page = ask(client, band=sorted(bands), limit=1000)
    while page["more"]:
        page = ask(client, cursor=page["next_cursor"], limit=1000)
    return str(page["next_cursor"])


def test_a_change_says_who_came_from_where_to_where_and_when(shop: httpx.Client, rows: Rows, publish_scores: Callable[..., int]) -> None:
    publish_scores(moved(rows, ["active", "active"]))
    publish_scores(moved(rows, ["lapsed", "active"]), started_at=FIRST)
    (change,) = ask(shop, since="2025-03-02T00:00:00")["changes"]
    assert change == {
        "change_id": change["change_id"],
        "customer_id": rows[0]["customer_id"],
        "recorded_at": "2025-03-02T00:00:00",
        "as_of": "2025-03-01T00:00:00",
        "from_band": "active",
        "to_band": "lapsed",
        "from_probability": pytest.approx(0.1),
        "to_probability": pytest.approx(0.85),
        "stage": rows[0]["stage"],
        "model_version": "7",
    }
    assert ask(shop, since="2025-03-02T06:59:59+07:00")["changes"][-1] == change
    assert ask(shop, since="2025-03-02T07:00:01+07:00")["changes"] == []


def test_since_counts_for_what_comes_later_too(sqlite_state: State, sqlite_shop: httpx.Client, rows: Rows, publish_on: Any) -> None:
    cursor = ask(sqlite_shop, since=(FIRST + timedelta(days=1)).isoformat())["next_cursor"]
    for day, band in enumerate(("active", "lapsed", "active")):
        publish_on(sqlite_state, moved(rows, [band]), started_at=FIRST + timedelta(days=day - 1))
    assert told(ask(sqlite_shop, cursor=cursor)) == [(rows[0]["customer_id"], "lapsed", "active")]


def test_before_any_change_the_page_is_empty_and_its_cursor_waits(sqlite_shop: httpx.Client) -> None:
    page = ask(sqlite_shop)
    assert (page["changes"], page["more"]) == ([], False)
    assert page["next_cursor"]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"band": "gone"}, 422, "at risk"),
        ({"until": "2025-01-01"}, 422, "since"),
        ({"since": "yesterday"}, 422, "since"),
        ({"limit": 5000}, 422, "limit"),
        ({"cursor": "nonsense"}, 400, "cursor"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused(sqlite_shop: httpx.Client, asked: dict[str, Any], status: int, said: str) -> None:
    refused = sqlite_shop.get("/v1/churn/changes", params=asked)
    assert refused.status_code == status
    assert said in refused.json()["detail"]


def test_a_cursor_of_other_bands_or_of_a_list_of_customers_is_refused(sqlite_shop: httpx.Client) -> None:
    cursor = ask(sqlite_shop, band="lapsed")["next_cursor"]
    assert sqlite_shop.get("/v1/churn/changes", params={"cursor": cursor, "band": "active"}).status_code == 400
    other = sqlite_shop.get("/v1/churn", params={"limit": 1}).json()["next_cursor"]
    assert sqlite_shop.get("/v1/churn/changes", params={"cursor": other}).status_code == 400


def test_recordings_wait_for_each_other_so_that_ids_become_visible_in_order(
    postgresql_state: State, rows: Rows, publish_on: Callable[..., int]
) -> None:
    generation = publish_on(postgresql_state, rows)
    with postgresql_state.writing() as first, postgresql_state.writing() as second:
        scores.record_band_changes(first, generation + 1, FIRST)
        second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            scores.record_band_changes(second, generation + 2, FIRST)
        second.rollback()
