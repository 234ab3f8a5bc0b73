"""A shop of ten orders goes the whole way, from its file to a list over HTTP; what is missing is said, and something is shown all the same."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = datetime(2025, 1, 1, 9)
LINES = [
    (f"c{n % 6}", f"o{n}", product_id, START + timedelta(days=9 * n))
    for n in range(10)
    for product_id in (("tea", "cup") if n % 3 else ("pot", "mug"))
]


def orders() -> pd.DataFrame:
    """Six customers; four of them came twice."""
    lines = pd.DataFrame(LINES, columns=["customer_id", "order_id", "product_id", "ordered_at"])
    return lines.assign(quantity=1, unit_price=5.0)


def products() -> pd.DataFrame:
    """Four that were bought, and a bowl and a book that nobody bought."""
    return pd.DataFrame(
        {
            "product_id": ["tea", "cup", "pot", "mug", "bowl", "book"],
            "name": ["Tea", "Cup", "Pot", "Mug", "Bowl", "Book"],
            "category": ["Food", *["Home > Kitchen"] * 4, "Books"],
        }
    )


@pytest.fixture
def brought_in(nextbest, tmp_path):
    """brought_in(orders, products): ingests, trains all there is to train, and what was said."""

    def run(lines: pd.DataFrame, listed: pd.DataFrame | None = None) -> str:
        lines.to_csv(tmp_path / "orders.csv", index=False)
        files = ["--orders", tmp_path / "orders.csv"]
        if listed is not None:
            listed.to_csv(tmp_path / "products.csv", index=False)
            files += ["--products", tmp_path / "products.csv"]
        said = ""
        for command in (("ingest", *files), ("train", "all")):
            ended = nextbest(*command)
            assert ended.code == 0, ended.err
            said += ended.out + ended.err
        return said

    return run


def ids(answer, key="recommendations"):
    return [each["product_id"] for each in answer.json()[key]]


def test_ten_orders_and_a_catalogue(brought_in, nextbest, serve_home, tmp_path):
    said = brought_in(orders(), products())
    assert "too few to compare with personal frequency" in said
    output = tmp_path / "affinity.csv"
    assert nextbest("score", "affinity", "--top", 6, "--output", output).code == 0
    lists = pd.read_csv(output)
    assert lists.groupby("customer_id").size().to_dict() == {f"c{n}": 6 for n in range(6)}, "everybody has a list of the whole range"
    own = orders().groupby("customer_id").product_id.agg(set)
    assert all(set(mine.product_id[: len(own[who])]) == own[who] for who, mine in lists.groupby("customer_id"))

    with serve_home(tmp_path / "home", as_of="latest") as client:
        known = client.get("/v1/customers/c1/recommendations", params={"limit": 6})
        assert known.json()["fallback"] is False
        assert set(ids(known)[:2]) == {"tea", "cup"}
        assert len(ids(known)) == 6
        assert client.get("/v1/customers/nobody/recommendations").json()["fallback_reason"] == "unknown_customer"
        seen = client.post("/v1/recommendations", json={"history": [{"product_id": "pot"}], "limit": 2})
        assert ids(seen)[0] == "pot", "what they looked at"

        beside = client.get("/v1/products/bowl/similar", params={"limit": 5}).json()
        assert beside["fallback"] is False
        kitchen = [each for each in beside["products"] if each["because"] == "of the same kind as Bowl"]
        assert {each["product_id"] for each in kitchen} == {"cup", "pot", "mug"}, "nobody bought it, but its category says something"
        never = client.get("/v1/products/bowl/bought-together").json()
        assert (never["fallback"], never["fallback_reason"]) == (True, "no_history")
        assert never["products"]


def test_orders_without_a_catalogue(brought_in, serve_home, tmp_path):
    brought_in(orders())
    with serve_home(tmp_path / "home", as_of="latest") as client:
        assert set(ids(client.get("/v1/customers/c1/recommendations"))) == {"tea", "cup", "pot", "mug"}
        assert ids(client.get("/v1/products/tea/similar"), "products")[0] == "cup"


def test_orders_without_products(brought_in, nextbest, serve_home, tmp_path):
    said = brought_in(orders().drop(columns="product_id").drop_duplicates("order_id"))
    assert "Affinity needs product_id in orders" in said
    for command in (("train", "affinity"), ("score", "affinity", "--output", tmp_path / "affinity.csv")):
        ended = nextbest(*command)
        assert ended.code == 2
        assert "Map the column that names the product" in ended.err
    with serve_home(tmp_path / "home", as_of="latest") as client:
        answer = client.get("/v1/customers/c1/recommendations").json()
        assert (answer["recommendations"], answer["fallback_reason"]) == ([], "empty_range")
        assert client.get("/v1/customers/c1/churn").status_code == 200
