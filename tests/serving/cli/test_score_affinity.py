"""`nextbest score affinity` follows the shop's rules of merchandising, and says what it left out and why."""

import json
from datetime import datetime, timedelta

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = datetime(2025, 1, 1, 9)
IDS = [f"p{i}" for i in range(12)]
FRUIT = IDS[:6]
CUSTOMERS = 30


def orders() -> pd.DataFrame:
    """Everybody buys p0 each ten days, and three products of their own now and then; p11 is new and was never bought."""
    rows = [
        (f"c{c:02}", product_id, START + timedelta(days=day, minutes=c))
        for c in range(CUSTOMERS)
        for day in range(c % 10, 120, 10)
        for product_id in {"p0", IDS[c % 11], IDS[(c + day // 10 % 3) % 11]}
    ]
    return pd.DataFrame(rows, columns=["customer_id", "product_id", "ordered_at"]).assign(quantity=1, unit_price=5.0)


def products() -> pd.DataFrame:
    """p1 is sold out, p2 is out of stock, p3 comes later; the first six are fruit."""
    return pd.DataFrame(
        {
            "product_id": IDS,
            "category": ["Food > Fruit"] * 6 + ["Food > Bread"] * 5 + ["Home"],
            "brand": ["Sun", "Moon"] * 6,
            "list_price": [float(i) for i in range(12)],
            "available": [product_id != "p1" for product_id in IDS],
            "available_from": [datetime(2030, 1, 1) if product_id == "p3" else datetime(2024, 1, 1) for product_id in IDS],
            "stock": [0 if product_id == "p2" else 7 for product_id in IDS],
        }
    )


def customers() -> pd.DataFrame:
    """c00 must not be shown most fruit and bread, c01 not two products, the others everything."""
    told = pd.DataFrame({"customer_id": [f"c{c:02}" for c in range(CUSTOMERS)]})
    told["excluded_products"] = ["p0; p5", "p4; p5"] + [None] * (CUSTOMERS - 2)
    told["excluded_categories"] = ["Food > Bread"] + [None] * (CUSTOMERS - 1)
    return told


@pytest.fixture
def scored(nextbest, tmp_path):
    """scored(rules, *options): the lists, what was counted, and what was said."""
    for name, table in (("orders", orders()), ("products", products()), ("customers", customers())):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    files = [word for name in ("orders", "products", "customers") for word in (f"--{name}", tmp_path / f"{name}.csv")]
    assert nextbest("ingest", *files).code == 0
    assert nextbest("train", "affinity").code == 0
    file = tmp_path / "home" / "config" / "recommendations.yaml"

    def run(rules: str | None, *options: object) -> tuple[dict[str, list[str]], dict, str]:
        if rules is not None:
            file.write_text(rules)
        output = tmp_path / "affinity.parquet"
        ended = nextbest("--json", "score", "affinity", "--output", output, *options)
        assert ended.code == 0, ended.err
        lists = pd.read_parquet(output)
        assert lists.equals(lists.sort_values(["customer_id", "rank"], ignore_index=True))
        assert (lists.groupby("customer_id")["rank"].agg(list).map(lambda ranks: ranks == list(range(1, len(ranks) + 1)))).all()
        return lists.groupby("customer_id").product_id.agg(list).to_dict(), json.loads(ended.out), ended.err

    return run


def test_rules_hold_in_everybodys_lists(scored, nextbest, tmp_path):
    plain, said, told = scored(None, "--top", 4)
    assert "minimum_stock: 1" in (tmp_path / "home" / "config" / "recommendations.yaml").read_text(), "written at first use"
    assert said["hidden"] == {"sold_out": 1, "not_yet_available": 1, "low_stock": 1}
    assert "not shown, of the range: 1 sold out, 1 not yet available, 1 below the minimum stock" in told
    assert not {"p1", "p2", "p3"} & {p for shown in plain.values() for p in shown}
    assert plain["c00"] == ["p4", "p11"], "the only fruit that is left and may be shown, and what nobody bought yet"
    assert len(plain["c01"]) == 4, "exclusions leave the list as long as it was asked for"
    assert not {"p4", "p5"} & set(plain["c01"])
    assert said["removed"]["excluded_for_customer"] >= 6

    everybody = {customer_id: shown for customer_id, shown in plain.items() if customer_id > "c01"}
    assert all(len(shown) == 4 for shown in everybody.values())
    first, _, _ = scored(None, "--top", 1)
    assert first == {c: shown[:1] for c, shown in plain.items()}
    deeper, _, _ = scored(None, "--top", 50)
    assert {c: shown[:4] for c, shown in deeper.items()} == plain, "a longer list begins with the shorter one"

    later = pd.DataFrame({"product_id": ["p12"], "category": ["Home"], "available": [True]})
    pd.concat([products(), later], ignore_index=True).to_csv(tmp_path / "products.csv", index=False)
    assert nextbest("ingest", "--products", tmp_path / "products.csv").code == 0
    ruled, said, told = scored(
        """
minimum_stock: 0
caps: {category: 1}
pin: [{product: p12, position: 2}, {product: p1, position: 1}, {product: p9, position: 3, placements: [home]}]
block: [{products: [p4, P5]}]
""",
        "--top",
        4,
    )
    assert said["hidden"] == {"sold_out": 1, "not_yet_available": 1, "blocked": 1}
    assert "no product has the id 'P5' (nearest: p5)" in told
    category = dict(zip(IDS, products().category, strict=True)) | {"p12": "Home"}
    for customer_id, shown in ruled.items():
        assert shown[1] == "p12", "pinned, although it was listed after the training, and no model knows it"
        assert len({category[p] for p in shown}) == len(shown) == (2 if customer_id == "c00" else 3)
    assert said["removed"]["category_cap"] > 0
    lists = pd.read_parquet(tmp_path / "affinity.parquet")
    pinned = lists[lists.product_id == "p12"]
    assert (pinned.source == "pinned").all()
    assert pinned.score.isna().all()
    assert lists[lists.product_id != "p12"].score.notna().all()

    lifted, _, _ = scored("boost: [{products: [p10], factor: 100}]", "--top", 1)
    assert {c: shown[0] for c, shown in lifted.items()} == {c: "p10" if c != "c00" else lifted["c00"][0] for c in lifted}

    new, said, _ = scored("pin: [{product: p0, position: 1}]", "--top", 3, "--exclude-purchased")
    assert len(new) > CUSTOMERS / 2
    assert "p0" not in {p for shown in new.values() for p in shown}, "everybody has bought what is pinned"
    bought = orders().groupby("customer_id").product_id.agg(set)
    assert all(not set(shown) & bought[customer_id] for customer_id, shown in new.items())
    may = set(IDS) - {"p1", "p2", "p3"}
    assert said["removed"]["already_bought"] == sum(len(own & may) for own in bought)

    told = customers().assign(excluded_products=["; ".join(deeper[f"c{c:02}"][:-1]) for c in range(CUSTOMERS)], excluded_categories=None)
    told.to_csv(tmp_path / "customers.csv", index=False)
    assert nextbest("ingest", "--customers", tmp_path / "customers.csv").code == 0
    last, _, _ = scored("diversity: 0", "--top", 1)
    assert {c: last[c] for c in everybody} == {c: deeper[c][-1:] for c in everybody}, "found, however deep it lies"

    (tmp_path / "home" / "config" / "recommendations.yaml").write_text("caps: {catgory: 1}")
    ended = nextbest("score", "affinity", "--output", tmp_path / "again.csv")
    assert ended.code == 2
    assert "recommendations.yaml, line 1: caps: the key 'catgory' is not known; the nearest known is 'category'" in ended.err
