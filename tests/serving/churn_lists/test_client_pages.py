"""The client reads a whole list page by page, as one publication has it."""

import asyncio

import httpx
import pytest

from serving.client import AsyncClient, Client, ProblemAnswerError
from serving.wire.churn import ChurnPage


def test_pages_hold_everybody_once_in_order(sqlite_shop: httpx.Client, rows: list[dict[str, object]]) -> None:
    url = str(sqlite_shop.base_url)

    async def pages() -> list[ChurnPage]:
        async with AsyncClient(url) as client:
            return [page async for page in client.churn_list(sort="customer_id", limit=7)]

    with Client(url) as client:
        found = list(client.churn_list(sort="customer_id", limit=7))
        some = list(client.churn_list(band=["lapsed", "at risk"], min_probability=0.9))
    assert asyncio.run(pages()) == found
    listed = [customer.customer_id for page in found for customer in page.customers]
    assert sorted(listed) == sorted(str(row["customer_id"]) for row in rows)
    assert len(found) == -(-len(rows) // 7)
    assert [page.next_cursor is None for page in found] == [False] * (len(found) - 1) + [True]
    told = [customer.customer_id for page in some for customer in page.customers]
    assert sorted(told) == sorted(str(row["customer_id"]) for row in rows if row["churn_probability"] in (0.9, 1.0))


def test_a_page_is_asked_for_when_it_is_wanted(sqlite_shop: httpx.Client) -> None:
    with Client(str(sqlite_shop.base_url)) as client:
        pages = client.churn_list(limit=5, cursor="damaged")
        with pytest.raises(ProblemAnswerError) as damaged:
            next(pages)
        assert (damaged.value.status, damaged.value.kind) == (400, "invalid-cursor")
        first = next(client.churn_list(limit=5))
        assert len(first.customers) == 5
        (*_, last) = client.churn_list(limit=5, cursor=first.next_cursor)
        assert last.next_cursor is None
