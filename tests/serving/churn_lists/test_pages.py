"""Pages of a list: together they are the list, each customer once, whatever is published in between."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.api.churn_lists import ChurnPage
from serving.cursors import cursor, fields_of
from serving.state.database import State
from serving.state.score_lists import SORTS

REPEATED = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
BANDS = ("active", "cooling", "at risk", "lapsed")


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    """Filters that leave somebody more often than not, limits on values that stand in the table."""
    low, high = sorted([draw(st.sampled_from([0.0, 0.1, 0.5])), draw(st.sampled_from([0.5, 0.9, 1.0]))])
    all_of = {
        "band": st.lists(st.sampled_from(BANDS), min_size=1, max_size=4),
        "stage": st.lists(st.sampled_from(["purchase", "retention", "advocacy"]), min_size=1),
        "segment": st.lists(st.sampled_from(["champions", "loyal"]), min_size=1),
        "min_probability": st.just(low),
        "max_probability": st.just(high),
        "min_clv": st.sampled_from([0.0, 5.0]),
        "insufficient_data": st.booleans(),
    }
    names = draw(st.sets(st.sampled_from(sorted(all_of)), max_size=3))
    return {name: draw(all_of[name]) for name in sorted(names)}


def selected(rows: list[dict[str, Any]], asked: dict[str, Any], sort: str) -> list[str]:
    """The ids that the filters select, in order: written again, without a database."""
    column = sort.removeprefix("-")
    found = [row for row in rows if _fits(row, asked)]
    found.sort(key=lambda row: row["customer_id"])
    missing = [row for row in found if row[column] is None]
    there = [row for row in found if row[column] is not None]
    there.sort(key=lambda row: row[column], reverse=sort.startswith("-"))  # stable either way: ties stay in the order of their ids
    return [row["customer_id"] for row in (*there, *missing)]


def _fits(row: dict[str, Any], asked: dict[str, Any]) -> bool:
    any_of = all(row[name] in asked[name] for name in ("band", "stage", "segment") if name in asked)
    return (
        any_of
        and row["churn_probability"] >= asked.get("min_probability", 0.0)
        and row["churn_probability"] <= asked.get("max_probability", 1.0)
        and ("min_clv" not in asked or (row["clv"] is not None and row["clv"] >= asked["min_clv"]))
        and row["insufficient_data"] in (asked.get("insufficient_data", True), asked.get("insufficient_data", False))
    )


def pages(client: httpx.Client, asked: dict[str, Any], between: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """Every page, each asked for with the cursor of the one before it."""
    found = [answer(client, asked)]
    while (cursor := found[-1]["next_cursor"]) is not None:
        assert len(found) < 200, "the list does not end"
        between()
        found.append(answer(client, {**asked, "cursor": cursor}))
    return found


def answer(client: httpx.Client, asked: dict[str, Any]) -> dict[str, Any]:
    said = client.get("/v1/churn", params=asked)
    assert said.status_code == 200, said.text
    body = said.json()
    ChurnPage.model_validate(body)
    return body


@REPEATED
@given(asked=filters(), sort=st.sampled_from(SORTS), falling=st.booleans(), limit=st.integers(1, 30))
def test_pages_together_are_the_filtered_and_sorted_list(
    shop: httpx.Client, rows: list[dict[str, Any]], asked: dict[str, Any], sort: str, falling: bool, limit: int
) -> None:
    sort = f"-{sort}" if falling else sort
    expected = selected(rows, asked, sort)
    found = pages(shop, {**asked, "sort": sort, "limit": limit})
    assert [customer["customer_id"] for page in found for customer in page["customers"]] == expected
    assert {page["total"] for page in found} == {len(expected)}
    assert all(len(page["customers"]) == limit for page in found[:-1])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sort=st.sampled_from(SORTS), falling=st.booleans(), limit=st.integers(12, 30), seed=st.integers(1, 5))
def test_a_publication_between_pages_changes_nothing_in_the_list(
    shop: httpx.Client,
    publish_scores: Callable[..., int],
    more_rows: Callable[..., list[dict[str, Any]]],
    sort: str,
    falling: bool,
    limit: int,
    seed: int,
) -> None:
    before = more_rows(60, seed)
    publish_scores(before)
    sort = f"-{sort}" if falling else sort
    once = iter([lambda: publish_scores(more_rows(70, seed + 1))])
    found = pages(shop, {"sort": sort, "limit": limit}, lambda: next(once, int)() and None)
    assert [customer["customer_id"] for page in found for customer in page["customers"]] == selected(before, {}, sort)
    assert answer(shop, {"limit": 1})["total"] == 70


def test_a_page_says_what_each_customer_is(sqlite_shop: httpx.Client, rows: list[dict[str, Any]]) -> None:
    found = answer(sqlite_shop, {"sort": "customer_id", "limit": 1000})
    by_id = {row["customer_id"]: row for row in rows}
    assert found["next_cursor"] is None
    assert (found["as_of"], found["model_version"]) == ("2025-03-01T00:00:00", "7")
    for customer in found["customers"]:
        row = by_id[customer["customer_id"]]
        assert customer["percentile_within_stage"] == row["percentile_in_stage"]
        assert customer["source"] == "published"
        same = set(customer) - {"percentile_within_stage", "source", "as_of"}
        assert {name: customer[name] for name in same} == {
            name: row[name].isoformat() if hasattr(row[name], "isoformat") else row[name] for name in same
        }


def test_without_order_and_limit_it_is_the_hundred_most_likely_to_leave(
    sqlite_state: State, sqlite_shop: httpx.Client, more_rows: Callable[..., list[dict[str, Any]]], publish_on: Callable[..., int]
) -> None:
    rows = more_rows(130)
    publish_on(sqlite_state, rows)
    found = answer(sqlite_shop, {})
    assert [customer["customer_id"] for customer in found["customers"]] == selected(rows, {}, "-churn_probability")[:100]
    assert found["total"] == 130


def test_a_cursor_alone_goes_on_with_its_own_list(sqlite_shop: httpx.Client) -> None:
    asked = {"band": ["active", "lapsed"], "sort": "clv", "limit": 5}
    first = answer(sqlite_shop, asked)
    alone = answer(sqlite_shop, {"cursor": first["next_cursor"], "limit": 5})
    assert alone == answer(sqlite_shop, {**asked, "band": ["lapsed", "active"], "cursor": first["next_cursor"]})
    assert {customer["band"] for customer in alone["customers"]} <= {"active", "lapsed"}


@pytest.mark.parametrize(
    "other", [{"band": "lapsed"}, {"sort": "clv"}, {"min_clv": 1}, {"band": ["active", "lapsed"], "sort": "-percentile"}]
)
def test_a_cursor_of_another_list_is_refused(sqlite_shop: httpx.Client, other: dict[str, Any]) -> None:
    cursor = answer(sqlite_shop, {"band": "active", "sort": "-percentile", "limit": 1})["next_cursor"]
    refused(sqlite_shop.get("/v1/churn", params={**other, "cursor": cursor}), 400, "invalid-cursor")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), letter=st.sampled_from("aZ09-_%é "))
def test_a_damaged_cursor_is_refused(sqlite_shop: httpx.Client, place: int, letter: str) -> None:
    cursor = answer(sqlite_shop, {"limit": 1})["next_cursor"]
    place %= len(cursor)
    damaged = cursor[:place] + letter + cursor[place + 1 :]
    if damaged != cursor:
        said = sqlite_shop.get("/v1/churn", params={"cursor": damaged})
        assert said.status_code == 400 or said.json() == answer(sqlite_shop, {"cursor": cursor})  # the last letter may hold spare bits
    refused(sqlite_shop.get("/v1/churn", params={"cursor": cursor[:place]}), 400, "invalid-cursor")


def test_a_list_whose_scores_are_gone_says_so(
    sqlite_state: State, sqlite_shop: httpx.Client, rows: list[dict[str, Any]], publish_on: Callable[..., int]
) -> None:
    cursor = answer(sqlite_shop, {"limit": 1})["next_cursor"]
    for days in range(5):
        publish_on(sqlite_state, rows, started_at=rows[0]["as_of"] + timedelta(days=10 * days))
    refused(sqlite_shop.get("/v1/churn", params={"cursor": cursor}), 410, "list-is-gone")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"band": "gone"}, "active, cooling, at risk, lapsed"),
        ({"stage": "retired"}, "retention"),
        ({"segment": "vip"}, "champions"),
        ({"persona": "x"}, "none"),
        ({"sort": "name"}, "churn_probability"),
        ({"colour": "red"}, "min_probability"),
        ({"limit": 1001}, "1,000"),
        ({"limit": 0}, "limit"),
        ({"min_probability": 0.5, "max_probability": 0.2}, "max_probability"),
        ({"min_probability": 1.5}, "min_probability"),
        ({"min_clv": "nan"}, "min_clv"),
        ({"locale": "xx"}, "vi"),
        ({"format": "xlsx"}, "parquet"),
    ],
    ids=str,
)
def test_what_no_list_has_is_refused_with_what_there_is(sqlite_shop: httpx.Client, asked: dict[str, Any], said: str) -> None:
    problem = refused(sqlite_shop.get("/v1/churn", params=asked), 422, "invalid-request")
    assert said in problem["detail"]


@pytest.mark.parametrize(
    "changed",
    [
        {"filters": {"colour": ["red"]}},
        {"order": ["name", False]},
        {"order": []},
        {"after": ["x"]},
        {"generation": "first"},
        {"total": None},
        {"filters": 7},
    ],
    ids=str,
)
def test_a_cursor_that_this_version_would_not_write_is_refused(sqlite_shop: httpx.Client, changed: dict[str, Any]) -> None:
    """The checksum is right, as in a cursor of another version, or of somebody who computes it."""
    fields = fields_of("churn", sqlite_shop.get("/v1/churn", params={"limit": 1}).json()["next_cursor"])
    refused(sqlite_shop.get("/v1/churn", params={"cursor": cursor("churn", fields | changed)}), 400, "invalid-cursor")


@pytest.mark.usefixtures("sqlite_state")
def test_without_scores_there_is_no_list(tmp_path: Any, serve_home: Callable[..., Any]) -> None:
    with serve_home(tmp_path / "home") as client:
        for accept in ("application/json", "text/csv"):
            problem = refused(client.get("/v1/churn", headers={"Accept": accept}), 409, "nothing-published")
            assert "nextbest train" in problem["remedy"]


def test_scores_of_a_later_time_than_the_clock_are_not_listed(
    sqlite_state: State, rows: list[dict[str, Any]], tmp_path: Any, serve_home: Callable[..., Any], publish_on: Callable[..., int]
) -> None:
    publish_on(sqlite_state, rows)
    with serve_home(tmp_path / "home", as_of=rows[0]["as_of"] - timedelta(days=1)) as client:
        refused(client.get("/v1/churn"), 409, "scores-of-later-time")


def refused(answered: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answered.status_code == status, answered.text
    problem: dict[str, Any] = answered.json()
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"urn:nextbest:problem:{kind}"
    assert problem["remedy"]
    return problem
