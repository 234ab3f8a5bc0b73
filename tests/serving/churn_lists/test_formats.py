"""Files of scores: what they say is what JSON says, in whichever format, and half of one is never taken for a whole one."""

import csv
import io
import json
import threading
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from sqlalchemy import event

from serving.churn_tables import FORMATS, NAMES, SCHEMA
from serving.state import score_lists
from serving.state.database import State
from serving.state.score_lists import BATCH, Filters, Order
from serving.streaming import MOST_AT_ONCE
from serving.wire.churn import Churn

LISTS = ({"sort": "-clv"}, {"sort": "customer_id", "band": ["lapsed", "active"]}, {"min_clv": 1e9}, {"sort": "clv", "limit": "7"})


def as_json(client: httpx.Client, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The list in JSON, with instants and days as such."""
    found = client.get("/v1/churn", params={"limit": 1000, **asked}).json()["customers"]
    return [{name: _typed(name, value) for name, value in customer.items()} for customer in found]


def _typed(name: str, value: Any) -> Any:
    if name == "as_of":
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if value is not None and name.startswith("expected_next_order") else value


def fetched(client: httpx.Client, media_type: str, asked: dict[str, Any]) -> bytes:
    said = client.get("/v1/churn", params=asked, headers={"Accept": media_type})
    assert said.status_code == 200, said.text
    assert said.headers["Content-Type"].split(";")[0] == media_type
    return said.content


def test_a_table_has_the_fields_of_the_answer() -> None:
    assert set(NAMES) == set(Churn.model_fields)


@pytest.mark.parametrize("asked", LISTS, ids=str)
def test_every_format_says_what_json_says(shop: httpx.Client, asked: dict[str, Any]) -> None:
    expected = as_json(shop, asked)
    lines = fetched(shop, "application/x-ndjson", asked).splitlines()
    assert [{name: _typed(name, value) for name, value in json.loads(line).items()} for line in lines] == expected
    table = pq.read_table(io.BytesIO(fetched(shop, "application/vnd.apache.parquet", asked)))
    assert table.to_pylist() == expected
    assert table.schema.equals(SCHEMA)
    options = pa.csv.ConvertOptions(
        column_types={field.name: pa.string() if field.name == "reasons" else field.type for field in SCHEMA},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parsing = pa.csv.ParseOptions(newlines_in_values=True)
    read = pa.csv.read_csv(io.BytesIO(fetched(shop, "text/csv", asked)), convert_options=options, parse_options=parsing)
    assert read.to_pylist() == [_in_spreadsheet(customer) for customer in expected]


def _in_spreadsheet(customer: dict[str, Any]) -> dict[str, Any]:
    cells = {**customer, "reasons": "; ".join(customer["reasons"])}
    return {name: f"'{cell}" if isinstance(cell, str) and cell[:1] in tuple("=+-@") else cell for name, cell in cells.items()}


def test_no_cell_of_a_csv_is_a_formula(sqlite_shop: httpx.Client, rows: list[dict[str, Any]]) -> None:
    text = fetched(sqlite_shop, "text/csv", {"sort": "customer_id"}).decode()
    read = list(csv.DictReader(io.StringIO(text)))
    texts = [name for name in NAMES if SCHEMA.field(name).type in (pa.string(), pa.list_(pa.string()))]
    assert not [row for row in read for name in texts if row[name][:1] in tuple("=+-@\t\r")]
    ids = [row["customer_id"] for row in rows]
    assert sorted(row["customer_id"].removeprefix("'") for row in read) == sorted(ids)
    assert {"'=1+1", "'+84901", "'-7", "'@x", "00123", "1e5", "Nguyễn"} <= {row["customer_id"] for row in read}
    assert '"00123"' in text
    assert any(row["why"] == "'=HYPERLINK(1)" for row in read)
    assert any(row["historic_value"] == "-3" for row in read)  # a number is no formula


def test_numbers_days_and_reasons_of_a_csv_are_what_spreadsheets_read(sqlite_shop: httpx.Client) -> None:
    text = fetched(sqlite_shop, "text/csv", {"sort": "customer_id"}).decode()
    row = next(row for row in csv.DictReader(io.StringIO(text)) if "; " in row["reasons"])
    assert (row["as_of"], row["expected_next_order_until"]) == ("2025-03-01T00:00:00", "2025-04-01")
    assert row["reasons"] == "'=cmd|' /C calc'!A0; no order for 74 days."
    assert row["persona"] == ""


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("text/csv", "text/csv"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/json;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("application/vnd.apache.parquet;q=0.2, */*;q=0.1", "application/vnd.apache.parquet"),
        ("text/*", "text/csv"),
        ("application/json;q=0, */*", "text/csv"),
        ("Text/CSV ; Q=1", "text/csv"),
    ],
)
def test_the_header_chooses_the_format(sqlite_shop: httpx.Client, accept: str, given: str) -> None:
    said = sqlite_shop.get("/v1/churn", headers={"Accept": accept})
    assert said.headers["Content-Type"].split(";")[0] == given
    assert said.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "text/csv;q=0", "application/json;q=x"])
def test_a_format_that_is_not_written_is_refused(sqlite_shop: httpx.Client, accept: str) -> None:
    for said in (
        sqlite_shop.get("/v1/churn", headers={"Accept": accept}),
        sqlite_shop.post("/v1/churn:query", json={"customer_ids": ["a"]}, headers={"Accept": accept}),
    ):
        assert said.status_code == 406
        assert "text/csv" in said.json()["remedy"]


@pytest.mark.parametrize("written", FORMATS, ids=lambda written: written.name)
def test_the_address_chooses_the_format_and_names_a_file(sqlite_shop: httpx.Client, written: Any) -> None:
    said = sqlite_shop.get("/v1/churn", params={"format": written.name}, headers={"Accept": "text/html"})
    assert said.headers["Content-Type"].split(";")[0] == written.media_type
    assert said.headers["Content-Disposition"] == f'attachment; filename="churn.{written.name}"'


def test_a_file_goes_on_where_a_page_ended(sqlite_shop: httpx.Client) -> None:
    whole = as_json(sqlite_shop, {"sort": "-percentile"})
    cursor = sqlite_shop.get("/v1/churn", params={"sort": "-percentile", "limit": 10}).json()["next_cursor"]
    rest = fetched(sqlite_shop, "application/x-ndjson", {"cursor": cursor}).splitlines()
    assert [json.loads(line)["customer_id"] for line in rest] == [customer["customer_id"] for customer in whole[10:]]


@pytest.mark.parametrize("sort", ["clv", "historic_value", "customer_id"])
def test_a_stream_holds_one_batch_at_a_time(
    state: State, sort: str, more_rows: Callable[..., list[dict[str, Any]]], publish_on: Callable[..., int]
) -> None:
    rows = more_rows(2 * BATCH + 100)
    generation = publish_on(state, rows)
    fetches: list[int] = []
    with state.reading() as connection:
        event.listen(connection, "before_cursor_execute", lambda *_: fetches.append(0))
        batches = score_lists.stream(connection, generation, Filters(), Order(sort))
        sizes = [len(batch) for batch in batches]
    assert sum(sizes) == len(rows)
    assert max(sizes) <= BATCH
    assert len(fetches) <= 2  # one statement for those with a value, one for those without: no batch is searched for


def test_a_stream_that_is_left_early_leaves_nothing_open(
    state: State, more_rows: Callable[..., list[dict[str, Any]]], publish_on: Callable[..., int]
) -> None:
    generation = publish_on(state, more_rows(3 * BATCH))
    with state.reading() as connection:
        batches = score_lists.stream(connection, generation, Filters(), Order("churn_probability"))
        assert len(next(batches)) == BATCH
        batches.close()  # a cursor of the server's that is still open would be told of as a warning


def test_a_stream_that_fails_on_the_way_is_broken_off(
    sqlite_state: State,
    sqlite_shop: httpx.Client,
    more_rows: Callable[..., list[dict[str, Any]]],
    publish_on: Callable[..., int],
) -> None:
    rows = more_rows(BATCH + 500)
    last = max(rows, key=lambda row: row["customer_id"])
    last["reasons"] = [{"family": "nonsense"}]  # cannot be said: what is no reason
    publish_on(sqlite_state, rows)
    for written in FORMATS:
        params = {"sort": "customer_id", "format": written.name}
        with sqlite_shop.stream("GET", "/v1/churn", params=params) as said:
            assert said.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                said.read()
    assert sqlite_shop.get("/v1/churn", params={"sort": "customer_id", "limit": 5}).status_code == 200


def test_a_stream_that_fails_at_once_is_a_problem(
    sqlite_state: State, sqlite_shop: httpx.Client, rows: list[dict[str, Any]], publish_on: Callable[..., int]
) -> None:
    rows[0]["reasons"] = [{"family": "nonsense"}]
    publish_on(sqlite_state, rows)
    said = sqlite_shop.get("/v1/churn", params={"format": "csv"})
    assert said.status_code == 500
    assert said.headers["Content-Type"] == "application/problem+json"


def test_only_so_many_files_are_written_at_a_time_and_a_client_that_leaves_makes_room(
    sqlite_state: State, sqlite_shop: httpx.Client, more_rows: Callable[..., list[dict[str, Any]]], publish_on: Callable[..., int]
) -> None:
    publish_on(sqlite_state, more_rows(12 * BATCH))
    url = f"{sqlite_shop.base_url}/v1/churn"
    clients = [httpx.Client(timeout=30) for _ in range(MOST_AT_ONCE)]
    streams = [client.stream("GET", url, params={"format": "ndjson"}) for client in clients]
    for stream in streams:
        assert stream.__enter__().status_code == 200
    refused = sqlite_shop.get("/v1/churn", params={"format": "csv"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert sqlite_shop.get("/v1/churn").status_code == 200
    for stream, client in zip(streams, clients, strict=True):
        stream.__exit__(None, None, None)
        client.close()
    assert _sooner_or_later(lambda: sqlite_shop.get("/v1/churn", params={"format": "csv", "limit": 1}).status_code == 200)


def _sooner_or_later(holds: Callable[[], bool]) -> bool:
    waiting = threading.Event()
    deadline = time.monotonic() + 30
    while not holds():
        if time.monotonic() > deadline:
            return False
        waiting.wait(0.05)
    return True
